"""Clusters: records of one name at two seeds, and scores that share a candidate or a target."""

from __future__ import annotations

import numpy as np
import pytest

from harness.assessment.measures import ways
from harness.score import AttackScores, Auc, leakage
from harness.score.sheets import align


def test_names_that_seeds_share_are_no_clusters_over_seeds() -> None:
    """Defect 6: every seed draws its own data and calls its first record r0."""
    outcomes = np.random.default_rng(3).random((5, 24)).round()
    shared = {s: {f"r{i}": float(x) for i, x in enumerate(row)} for s, row in enumerate(outcomes)}
    apart = {s: {f"s{s}r{i}": float(x) for i, x in enumerate(row)} for s, row in enumerate(outcomes)}
    studies = [align([AttackScores("a", "m", v)], [AttackScores("b", "m", v)]) for v in (shared, apart)]
    assert [study.n_clusters for study in studies] == [120, 120]
    assert studies[0].panels[0].effective(0) == 120


def test_all_recovered_at_five_seeds_is_bounded_by_all_their_records() -> None:
    """Defect 6: pii-cut25 said a privacy of up to 0.34 where its 40 records allow 0.10."""
    hits, none = ({s: {f"r{i}": value for i in range(8)} for s in range(5)} for value in (1.0, 0.0))
    leak = leakage([AttackScores("a", "m", hits)], [AttackScores("b", "m", none)], rng=np.random.default_rng(0))
    assert 1 - leak.low < 0.13


def targets_of_their_own(rng: np.random.Generator) -> list[AttackScores]:
    """An attack at chance whose models each tell members from others in a direction of their own, and a constant."""
    members = rng.random((9, 40)) < 0.5
    scores = members * rng.standard_normal((9, 1)) * 0.7 + rng.standard_normal((9, 40))
    places = [(f"{t}:k{c}", (t, c)) for t, c in np.ndindex(9, 40)]
    labels = {0: {record: int(members[place]) for record, place in places}}
    values = {0: {record: float(scores[place]) for record, place in places}}, {0: dict.fromkeys(labels[0], 0.0)}
    return [AttackScores(n, "membership AUC", v, Auc(), labels) for n, v in zip("ab", values, strict=True)]


def test_membership_near_chance_is_covered_over_candidates_and_targets() -> None:
    """Defect 6: clustered by candidate alone, 95 % intervals cover 74 %."""
    covered, widths = [], []
    for i in range(50):
        rng = np.random.default_rng([5, i])
        attack, blind = targets_of_their_own(rng)
        leak = leakage([attack], [blind], rng=rng, resamples=300, **ways([attack, blind]))
        covered.append(leak.low <= 0.0 <= leak.high)
        widths.append(leak.high - leak.low)
    assert np.mean(covered) >= 0.9
    assert np.mean(widths) > 0.45  # 0.29 by candidate alone


@pytest.mark.parametrize("targets", [1, 9])
def test_independent_scores_pay_little_for_the_second_way(targets: int) -> None:
    rng = np.random.default_rng(1)
    records = [f"{t}:k{c}" for t in range(targets) for c in range(40)]
    labels = {0: {r: int(rng.random() < 0.5) for r in records}}
    attack = AttackScores("a", "membership AUC", {0: {r: float(rng.random()) for r in records}}, Auc(), labels)
    blind = AttackScores("b", "membership AUC", {0: dict.fromkeys(records, 0.0)}, Auc(), labels)
    one, two = (
        leakage([attack], [blind], rng=np.random.default_rng(2), clusters=both["clusters"], targets=crossed)
        for both in [ways([attack, blind])]
        for crossed in (None, both["targets"])
    )
    assert one.high - one.low <= two.high - two.low + 0.02 < 1.35 * (one.high - one.low) + 0.02
