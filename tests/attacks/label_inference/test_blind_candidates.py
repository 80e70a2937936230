"""The guess by candidates against its definition, and on records drawn from known shares."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attacks.label_inference.blind_candidates import BlindCandidates
from attacks.label_inference.blind_classes import BlindClasses
from harness.attack import Candidate, PopulationFacts, Public
from harness.data.record import make
from tests.stand_ins.skewed_labels import distance

NAMES = ("red", "green", "blue")


def view_of(
    candidates: Any, auxiliary: Any = ("red", "red", "green", "blue"), parties: tuple[str, ...] = ("a", "b")
) -> SimpleNamespace:
    records = tuple(make(f"{label} {i}", label=label) for i, label in enumerate(auxiliary))
    public = Public(auxiliary=records, facts=(PopulationFacts(labels=NAMES, parties=parties),))
    return SimpleNamespace(public=public, candidates=candidates)


def asked(party: str, label: str | None, canary: bool = False) -> Candidate:
    return Candidate("k", "text", label, party, canary)


def test_it_counts_average_candidates_and_adds_one_record_of_auxiliary_shares() -> None:
    view = view_of([asked("a", "red"), asked("a", "red"), asked("a", "blue"), asked("a", "green", canary=True)])
    guess = BlindCandidates().guess(view)
    usual = {"red": 3 / 7, "green": 2 / 7, "blue": 2 / 7}
    counted = {"red": 2, "green": 0, "blue": 1}
    assert guess["a"] == pytest.approx({name: (counted[name] + usual[name]) / 4 for name in NAMES})
    assert guess["b"] == pytest.approx(usual) == BlindClasses().guess(view)["b"]
    assert all(sum(row.values()) == pytest.approx(1.0) for row in guess.values())


def test_canaries_count_where_a_party_has_nothing_else_and_unknown_labels_never() -> None:
    view = view_of([asked("a", "blue", canary=True), asked("b", None), asked("b", "violet")])
    guess = BlindCandidates(size=10.0).guess(view)
    assert max(guess["a"], key=guess["a"].get) == "blue" and sum(guess["a"].values()) == pytest.approx(10.0)
    assert guess["b"] == pytest.approx(BlindClasses(size=10.0).guess(view)["b"])


def test_it_is_nearer_to_parties_of_uneven_classes_than_auxiliary_shares() -> None:
    rng = np.random.default_rng(0)
    blind: list[float] = []
    usual: list[float] = []
    for _ in range(40):
        truth = rng.dirichlet([0.5] * 3)
        view = view_of([asked("a", NAMES[int(c)]) for c in rng.choice(3, p=truth, size=20)])
        for attack, distances in ((BlindCandidates(), blind), (BlindClasses(), usual)):
            guess = attack.guess(view)["a"]
            distances.append(distance([guess[name] for name in NAMES], truth))
    assert np.mean(blind) < 0.4 * np.mean(usual)
