"""The blind guess at class counts: as good as the best constant, without a look at any message."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from attacks.label_inference.blind_counts import BlindCounts, usual_count
from attacks.label_inference.prototype_counts import PrototypeCounts
from harness.data.partition import by_dirichlet
from harness.data.record import make
from harness.errors import SuiteError
from harness.scenario.aggregate import CountSecret
from tests.stand_ins.prototype_world import errors, world


def divided(alpha: float, size: int, clients: Any, draws: Any, seed: int = 0) -> Any:
    """Counts of a class of ``size`` records over many real divisions, an equally large class beside it."""
    rng = np.random.default_rng(seed)
    records = [make(f"{label} {i}", label=label) for label in "ab" for i in range(size)]
    parts = [part for _ in range(draws) for part in by_dirichlet(records, clients, alpha, rng, least=1)]
    return np.array([sum(record.label == "a" for record in part) for part in parts])


@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
def test_no_constant_is_right_more_often_or_errs_less_on_real_divisions(alpha: float) -> None:
    counts = divided(alpha, 60, 4, 150)
    likeliest, middle = (usual_count(60, 4, alpha, aim) for aim in ("exact", "error"))
    best = Counter(counts.tolist()).most_common(1)[0][1] / len(counts)
    assert np.mean(counts == likeliest) > best - 0.04
    least = min(np.abs(counts - guess).mean() for guess in range(61))
    assert np.abs(counts - middle).mean() < least + 0.5


def test_counts_that_follow_from_the_law_alone() -> None:
    assert usual_count(80, 10, 0.1) == usual_count(80, 10, 0.1, "error") == 0
    assert usual_count(80, 8, None) == 10  # the mode of a binomial law
    assert usual_count(80, 4, 1e6) == usual_count(80, 4, 1e6, "error") == 20
    assert usual_count(0, 4, 1.0) == 0 and usual_count(7, 1, 1.0) == 7


def test_the_guess_is_blind_and_the_attack_beats_it() -> None:
    view = world(sizes=(1, 8, 30), population={"clients": 4, "partition": "group"})
    attack = BlindCounts(size=13 * 3)
    guess = attack.guess(view)
    assert errors(PrototypeCounts(), view) < errors(attack, view) / 2
    view.transcript = ()
    assert attack.guess(view) == guess
    assert {n for row in guess.values() for n in row.values()} == {13}
    assert BlindCounts().guess(view)["client0"]["red"] == 50  # 200 auxiliary records of the class, four clients


def test_counts_like_those_the_attacker_drew() -> None:
    view = world(sizes=(6,), shadows=9, population={"clients": 4, "partition": "group"})
    exact = [
        np.mean([s.value for s in CountSecret(view.truth["counts"]).score(attack.guess(view)) if s.metric == "exact"])
        for attack in (BlindCounts(), BlindCounts(shadows=9))
    ]
    assert exact[0] == 0.0 and 0.1 < exact[1] < 0.7  # six and a binomial number of four candidates
    drawn = [shadow.truth["counts"]["client1"]["blue"] for shadow in view.bank]
    assert BlindCounts(shadows=9).guess(view)["client1"]["blue"] == np.median(drawn)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(SuiteError, match="aim 'luck'"):
        BlindCounts(aim="luck")
    view = world(auxiliary=0)
    with pytest.raises(SuiteError, match="there are none"):
        BlindCounts().guess(view)
