"""A property of most of a party's records, read off its prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attacks.property_inference.prototype_property import PrototypeProperty
from harness.errors import SuiteError
from harness.metrics.membership import auc
from tests.stand_ins.prototype_world import sharing
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of

PLANTED = {f"client{k}": k % 2 for k in range(20)}


class Signed(Cloud):
    """Texts of which some are signed; ``lift`` is how far a signature moves an embedding, in standard deviations."""

    lift: float = 1.0

    def draw(self, name: str, signed: Any = None) -> Any:
        text = super().draw(name)
        signed = bool(self.rng.random() < 0.5) if signed is None else signed
        self.vectors[text] = self.vectors[text] + self.lift * signed * self.scale * np.eye(self.size)[:2].sum(0)
        self.signed = {**getattr(self, "signed", {}), text: int(signed)}
        return text


def world(seed: int, *, lift: float = 3.0, planted: bool = True, noise: float = 0.0) -> Any:
    """Twenty parties of five records a class; of every other one 80 percent are signed, otherwise 20."""
    cloud = Signed(("red", "green", "blue"), seed=seed)
    cloud.lift = lift
    upload = sharing(cloud, noise=noise)

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        shares = {party: 0.8 if PLANTED[party] and planted else 0.2 if planted else 0.5 for party in held}
        own = {p: {c: [cloud.draw(c, bool(rng.random() < shares[p])) for _ in range(5)] for c in held[p]} for p in held}
        return upload(own, rng)

    view = view_of(cloud, protocol, parties=len(PLANTED), candidates=0, seed=seed)
    signed = tuple(replace(r, attributes={"planted": cloud.signed[r.text]}) for r in view.public.auxiliary)
    view.public = replace(view.public, auxiliary=signed)
    return view


def power(views: Sequence[RoundsView]) -> Any:
    scored = []
    for view in views:
        guess = PrototypeProperty().guess(view)
        assert set(guess) == set(PLANTED)
        scored.append(auc([guess[party] for party in PLANTED], list(PLANTED.values())))
    return np.mean(scored)


def test_a_planted_property_is_found() -> None:
    assert power([world(seed) for seed in range(3)]) >= 0.9


@pytest.mark.parametrize("protocol", [{"planted": False}, {"lift": 0.0}, {"noise": 1e3}], ids=str)
def test_without_one_it_is_chance(protocol: Any) -> None:
    assert power([world(seed, **protocol) for seed in range(8)]) == pytest.approx(0.5, abs=0.12)


def test_records_of_both_values_are_needed() -> None:
    view = world(0)
    bare = tuple(replace(record, attributes={}) for record in view.public.auxiliary)
    view.public = replace(view.public, auxiliary=bare)
    with pytest.raises(SuiteError, match="both values of 'planted'"):
        PrototypeProperty().guess(view)
