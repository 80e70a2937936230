"""Property inference on shadow runs: a planted property in shared messages, and none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from attacks.property_inference.blind_property import BlindProperty
from attacks.property_inference.property_logits import PropertyLogits
from attacks.property_inference.property_prototypes import PropertyPrototypes
from harness.attack import PopulationFacts, Public, PublicTextFacts, SeenMessage, Shadow
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.scenario.aggregate import PropertySecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message, Value
from tests.stand_ins.planted_property import CLASSES, planted
from tests.stand_ins.rounds_view import Cloud, RoundsView

PARTIES = 6
NAMES = tuple(str(c) for c in range(CLASSES))


def view_of(kind: Kind, seed: int, shares: Any, runs: int = 10, **options: Any) -> Any:
    """Runs of six parties each; the first is live. Every party has the property or not on its own."""
    planted_runs = planted(np.random.default_rng(seed), runs=PARTIES * runs, shares=shares)
    rows = np.arange(PARTIES * runs).reshape(runs, PARTIES)
    shadows = [_run(kind, planted_runs, some) for some in rows]
    population = PopulationFacts(labels=NAMES, parties=tuple(f"client{k}" for k in range(PARTIES)))
    facts = (population, PublicTextFacts(("",) * 150))
    live = shadows[0]
    view = RoundsView(Cloud(), Public(facts=facts), (), live.transcript, shadows[1:], **options)
    return replace(view, truth=live.truth)


def _run(kind: Kind, planted_runs: Any, rows: Any) -> Shadow:
    seen = []
    payload: dict[str, Value]
    for k, row in enumerate(rows):
        if kind is Kind.LOGITS:
            payload = {"logits": torch.from_numpy(planted_runs.logits[row]).float()}
        else:
            means = planted_runs.prototypes[row]
            payload = {"means": torch.from_numpy(np.stack(list(means.values()))).float(), "classes": list(means)}
        seen.append(SeenMessage(f"client{k}", SERVER, Message(kind, payload)))
    return Shadow(seen, {}, {}, {"property": {f"client{k}": int(planted_runs.has[row]) for k, row in enumerate(rows)}})


def power(attack: Any, views: Sequence[RoundsView]) -> float:
    scores, labels = [], []
    for view in views:
        scored = PropertySecret(view.truth["property"]).score(attack.guess(view))
        scores += [s.value for s in scored if s.metric == "score" and s.value is not None]
        labels += [s.value == 1.0 for s in scored if s.metric == "label"]
    return auc(scores, labels)


@pytest.mark.parametrize(
    ("attack", "kind"),
    [(PropertyLogits(), Kind.LOGITS), (PropertyPrototypes(), Kind.PROTOTYPE)],
    ids=["logits", "means"],
)
def test_a_planted_property_is_found_and_equal_shares_are_not(
    attack: PropertyLogits | PropertyPrototypes, kind: Kind
) -> None:
    assert power(attack, [view_of(kind, seed, (0.2, 0.8)) for seed in range(5)]) > 0.9
    assert power(attack, [view_of(kind, seed, (0.5, 0.5), runs=6) for seed in range(24)]) == pytest.approx(
        0.5, abs=0.16
    )


def test_the_blind_guess_is_the_same_for_everyone() -> None:
    view = view_of(Kind.LOGITS, 0, (0.2, 0.8))
    guess = BlindProperty().guess(view)
    assert set(guess) == set(view.truth["property"]) and len(set(guess.values())) == 1
    assert 0.3 < next(iter(guess.values())) < 0.7


def test_shadows_without_the_property_are_said() -> None:
    view = view_of(Kind.LOGITS, 0, (0.2, 0.8))
    with pytest.raises(SuiteError, match="0 of 0 parties"):
        PropertyLogits().guess(replace(view, bank=()))
    plain = [replace(shadow, truth={"property": dict.fromkeys(shadow.truth["property"], 1)}) for shadow in view.bank]
    with pytest.raises(SuiteError, match="54 of 54 parties"):
        PropertyLogits().guess(replace(view, bank=plain))
