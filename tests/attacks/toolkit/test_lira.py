"""LiRA on Gaussian scores, where its power is known; on a null; and against a definition written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, pi
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from attacks.toolkit import lira
from attacks.toolkit.gaussians import fit_gaussians, fit_outside, shrink_means, shrink_shifts
from harness.errors import DataError
from harness.metrics.membership import auc, tpr_at_fpr
from harness.util.arrays import Floats, Mask
from tests.stand_ins.overfitted_heads import Toy, gaussian


def expected_tpr(power: float, alpha: float) -> float:
    """True positive rate at false positive rate ``alpha`` where membership moves a Gaussian by ``power`` deviations."""
    return float(norm.cdf(power + norm.ppf(alpha)))


def each_as_target(toy: Toy, score: Callable[..., Any]) -> tuple[Floats, Mask]:
    """Scores and labels of every run as a target, the others its shadows."""
    scores, runs = [], range(len(toy.scores))
    for target in runs:
        others = np.array([run for run in runs if run != target])
        scores.append(score(toy.scores[target], toy.scores[others], toy.members[others]))
    return np.concatenate(scores), toy.members.ravel()


def online(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return lira.online(target, fit_gaussians(shadows, members))


def offline(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return lira.offline(target, fit_outside(shadows, members))


def drawn(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return lira.offline(target, shrink_means(fit_outside(shadows, members)))


def shrunk(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return lira.online(target, shrink_shifts(fit_gaussians(shadows, members)))


@pytest.mark.parametrize("score", [online, offline, shrunk, drawn])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_many_shadows_reach_the_known_power(score: Callable[..., Any], power: float) -> None:
    rng = np.random.default_rng(0)
    toy = gaussian(rng, 400, 8000, power)
    scores = score(toy.scores[0], toy.scores[1:], toy.members[1:])
    assert auc(scores, toy.members[0]) == pytest.approx(lira.expected_auc(power), abs=0.02)
    assert tpr_at_fpr(scores, toy.members[0], 0.01) == pytest.approx(expected_tpr(power, 0.01), abs=0.06)


def test_power_has_the_published_values() -> None:
    """AUC and TPR at 0.1 % of a mu-GDP mechanism (Dong, Roth, Su 2022)."""
    for power, area, rate in ((0.1, 0.528, 0.0014), (1, 0.760, 0.018), (2, 0.921, 0.138), (4, 0.998, 0.819)):
        assert lira.expected_auc(power) == pytest.approx(area, abs=6e-4)
        assert expected_tpr(power, 0.001) == pytest.approx(rate, abs=6e-4)


@pytest.mark.parametrize("score", [online, offline, shrunk, drawn])
def test_scores_that_membership_does_not_move_are_chance(score: Callable[..., Any]) -> None:
    """Every run is a target in turn, so the null also shows that leaving one out does not bias the score."""
    rng = np.random.default_rng(1)
    scores, labels = each_as_target(gaussian(rng, 16, 1000, 0.0), score)
    assert auc(scores, labels) == pytest.approx(0.5, abs=0.02)
    assert tpr_at_fpr(scores, labels, 0.01) == pytest.approx(0.01, abs=0.006)


def test_a_global_threshold_misses_what_difficulty_hides() -> None:
    toy = gaussian(np.random.default_rng(2), 16, 1000, 2.0)
    plain, labels = each_as_target(toy, lambda target, shadows, members: target)
    ratio, _ = each_as_target(toy, online)
    assert auc(plain, labels) < 0.72 and auc(ratio, labels) > 0.85
    assert tpr_at_fpr(ratio, labels, 0.01) > 5 * tpr_at_fpr(plain, labels, 0.01)


def test_few_shadows_gain_from_shrinking() -> None:
    rng = np.random.default_rng(3)
    toy = gaussian(rng, 8, 2000, 1.0)
    own, labels = each_as_target(toy, online)
    drawn, _ = each_as_target(toy, shrunk)
    assert auc(drawn, labels) > auc(own, labels) + 0.02


def test_shrinking_keeps_shifts_that_truly_differ() -> None:
    """One half of the candidates moves, the other does not: with groups each half keeps its own mean shift."""
    rng = np.random.default_rng(4)
    toy = gaussian(rng, 40, 1000, 0.0)
    moved = np.arange(1000) < 500
    model = fit_gaussians(toy.scores + 3.0 * moved * toy.members, toy.members)
    grouped = shrink_shifts(model, moved.astype(int)).shift
    assert grouped[moved] == pytest.approx(3.0, abs=0.5) and grouped[~moved] == pytest.approx(0.0, abs=0.5)
    alone = shrink_shifts(model).shift
    assert alone[moved].mean() > 2.5 and alone[~moved].mean() < 0.5


def slow_online(target: Floats, shadows: Floats, members: Mask) -> list[float]:
    """Per candidate: two lists, their means, variances pooled over all candidates, two normal densities."""
    inside = [[row[c] for row, m in zip(shadows, members, strict=True) if m[c]] for c in range(len(target))]
    outside = [[row[c] for row, m in zip(shadows, members, strict=True) if not m[c]] for c in range(len(target))]

    def pooled(lists: Sequence[Sequence[float]]) -> float:
        squares = sum(float(np.square(np.subtract(one, np.mean(one))).sum()) for one in lists)
        return squares / sum(len(one) - 1 for one in lists)

    v1, v0 = pooled(inside), pooled(outside)
    return [
        -((x - np.mean(one)) ** 2) / (2 * v1)
        - log(2 * pi * v1) / 2
        + (x - np.mean(zero)) ** 2 / (2 * v0)
        + log(2 * pi * v0) / 2
        for x, one, zero in zip(target, inside, outside, strict=True)
    ]


def test_online_follows_its_definition() -> None:
    toy = gaussian(np.random.default_rng(5), 12, 30, 1.0)
    keep = toy.members[1:].any(0) & ~toy.members[1:].all(0)
    target, shadows, members = toy.scores[0][keep], toy.scores[1:, keep], toy.members[1:, keep]
    assert online(target, shadows, members) == pytest.approx(slow_online(target, shadows, members))


def test_variances_are_of_the_right_side() -> None:
    """Members that spread less than non-members: the out variance must not come from members."""
    rng = np.random.default_rng(6)
    members = rng.random((200, 50)) < 0.5
    scores = rng.normal(size=members.shape) * np.where(members, 0.5, 2.0)
    for fixed in (True, False):
        model = fit_gaussians(scores, members, fixed_variance=fixed)
        assert model.variance_in.mean() == pytest.approx(0.25, rel=0.1)
        assert model.variance_out.mean() == pytest.approx(4.0, rel=0.1)
    assert len(set(fit_gaussians(scores, members).variance_in)) > 1  # 200 shadows: each candidate has its own
    assert len(set(fit_gaussians(scores[:20], members[:20]).variance_in)) == 1


def test_offline_is_one_sided() -> None:
    model = fit_outside(*_pair(gaussian(np.random.default_rng(7), 16, 20, 1.0)))
    below, above = model.mean_out - 3.0, model.mean_out + 3.0
    assert (lira.offline(above, model) > lira.offline(model.mean_out, model)).all()
    assert (lira.offline(below, model) < lira.offline(model.mean_out, model)).all()


@pytest.mark.parametrize("fit", [fit_outside, lambda s, m: shrink_means(fit_outside(s, m))])
def test_offline_never_reads_a_shadow_that_had_the_candidate(fit: Callable[..., Any]) -> None:
    toy = gaussian(np.random.default_rng(11), 12, 40, 2.0)
    scores, members = _pair(toy)
    expected = lira.offline(toy.scores[0], fit(scores, members))
    for odd in (np.nan, 1e6, -3.0):
        assert np.array_equal(lira.offline(toy.scores[0], fit(np.where(members, odd, scores), members)), expected)
    # Nor does it need one: here no shadow had any candidate.
    alone = np.zeros_like(members)
    assert np.isfinite(lira.offline(toy.scores[0], fit(scores, alone))).all()


def test_outside_means_and_variances_are_those_of_their_definition() -> None:
    rng = np.random.default_rng(12)
    scores, members = _pair(gaussian(rng, 20, 30, 1.0))
    members[:, 0] = True  # never out: the mean of its group
    model, groups = fit_outside(scores, members, groups=np.arange(30) % 2), np.arange(30) % 2
    means = [np.mean([s for s, m in zip(scores[:, c], members[:, c], strict=True) if not m]) for c in range(1, 30)]
    assert model.mean_out[1:] == pytest.approx(means)
    assert model.mean_out[0] == pytest.approx(np.mean([means[c - 1] for c in range(2, 30, 2)]))
    even = list(range(2, 30, 2))
    squares = sum((scores[r, c] - means[c - 1]) ** 2 for c in even for r in range(20) if not members[r, c])
    freedom = sum((~members[:, c]).sum() - 1 for c in even)
    assert model.variance_out[groups == 0] == pytest.approx(squares / freedom)
    with pytest.raises(DataError, match="every candidate was in all"):
        fit_outside(scores, np.ones_like(members))
    with pytest.raises(DataError, match="1 scores of shadows without the candidate are not finite"):
        fit_outside(np.where(np.arange(30) == np.flatnonzero(~members[0])[0], np.inf, scores)[:1], members[:1])


def test_few_outside_shadows_gain_from_the_mean_of_the_group() -> None:
    toy = gaussian(np.random.default_rng(13), 4, 2000, 1.5, spread=1.0)
    own, labels = each_as_target(toy, offline)
    together, _ = each_as_target(toy, drawn)
    assert auc(together, labels) > auc(own, labels) + 0.01


def _pair(toy: Toy) -> tuple[Floats, Mask]:
    return toy.scores[1:], toy.members[1:]


def test_known_noise_goes_into_the_spread() -> None:
    """Shadows are clean, the live scores carry noise: the likelihood without it is overconfident at the extremes."""
    rng = np.random.default_rng(8)
    toy = gaussian(rng, 64, 4000, 1.0)
    noise = np.where(np.arange(4000) % 2, 3.0, 0.0)
    noisy = toy.scores[0] + noise * rng.normal(size=4000)
    model = fit_gaussians(toy.scores[1:], toy.members[1:], fixed_variance=True)
    aware, unaware = lira.online(noisy, model.blurred(noise**2)), lira.online(noisy, model)
    assert auc(aware, toy.members[0]) > auc(unaware, toy.members[0])
    assert tpr_at_fpr(aware, toy.members[0], 0.01) > 2 * tpr_at_fpr(unaware, toy.members[0], 0.01)


def test_a_candidate_that_was_never_in_takes_the_average_shift() -> None:
    toy = gaussian(np.random.default_rng(9), 40, 50, 3.0)
    scores, members = toy.scores[1:].copy(), toy.members[1:].copy()
    scores[:, 0] -= 3.0 * members[:, 0]
    members[:, 0] = False
    model = fit_gaussians(scores, members)
    assert model.shift[0] == pytest.approx(3.0, abs=0.5) and np.isfinite(lira.online(scores[0], model)).all()
    assert np.isfinite(lira.online(scores[0], shrink_shifts(model))).all()


def test_cooperative_takes_the_other_parties_for_models_without_the_record() -> None:
    rng = np.random.default_rng(10)
    scores = rng.normal(size=(10, 2000)) + 3 * rng.normal(size=2000)
    member = np.arange(2000) < 1000
    scores[4] += 2.0 * member
    ratios = lira.cooperative(scores, 4)
    others = np.delete(scores, 4, axis=0)
    spread = np.mean([np.var(others[:, c], ddof=1) for c in range(2000)]) ** 0.5
    assert ratios[:5] == pytest.approx([(scores[4, c] - others[:, c].mean()) / spread for c in range(5)])
    # The mean of nine others is itself uncertain: the power is 2 / sqrt(1 + 1/9).
    assert auc(ratios, member) == pytest.approx(lira.expected_auc(2.0 / (10 / 9) ** 0.5), abs=0.02)
    # A record of party 4 lifts the mean that party 0 is compared with, by 2 / 9: it is no member of party 0.
    assert auc(lira.cooperative(scores, 0), member) == pytest.approx(lira.expected_auc(-2 / 9 / 1.05), abs=0.03)
    scores[4] -= 2.0 * member
    assert auc(lira.cooperative(scores, 4), member) == pytest.approx(0.5, abs=0.03)


def test_too_little_to_learn_from_is_said() -> None:
    with pytest.raises(DataError, match="too few"):
        lira.cooperative(np.zeros((2, 3)), 0)
    with pytest.raises(DataError, match="use more shadows"):
        fit_gaussians(np.zeros((1, 3)), np.ones((1, 3), dtype=bool))
    with pytest.raises(DataError, match="not finite"):
        fit_gaussians(np.array([[np.inf], [0.0]]), np.array([[True], [False]]))
    with pytest.raises(DataError, match="shadows, m"):
        fit_gaussians(np.zeros((2, 3)), np.ones((2, 2), dtype=bool))
