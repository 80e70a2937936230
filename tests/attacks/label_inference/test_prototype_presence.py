from __future__ import annotations

from typing import Any

import pytest

from attacks.label_inference.blind_classes import BlindClasses
from attacks.label_inference.prototype_presence import PrototypePresence
from harness.metrics.membership import auc
from harness.scenario.aggregate import PresenceSecret
from tests.stand_ins.prototype_world import world
from tests.stand_ins.rounds_view import RoundsView


def presence(attack: Any, view: RoundsView) -> float:
    truth = {p: {c: int(n > 0) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    scores = PresenceSecret(truth).score(attack.guess(view))
    rows = {m: [s.value for s in scores if s.metric == m and s.value is not None] for m in ("score", "label")}
    return auc(rows["score"], rows["label"])


def test_presence_is_read_off_the_keys_and_dummies_are_told_apart() -> None:
    options: dict[str, Any] = {"candidates": 1, "sizes": (0, 0, 4), "parties": 12}
    assert presence(PrototypePresence(), world(**options)) == 1.0
    dummies: dict[str, Any] = {"protocol": {"dummies": True, "rounds": 3}, "shadows": 6, **options}
    assert presence(PrototypePresence(), world(**dummies)) == 0.5
    assert presence(PrototypePresence(shadows=6), world(**dummies)) > 0.95
    assert presence(PrototypePresence(shadows=6), world(adaptive=False, **dummies)) == 0.5
    assert presence(BlindClasses(), world(**options)) == pytest.approx(0.5, abs=0.1)
