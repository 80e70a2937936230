from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LeakboardError
from harness.score import (
    AttackScores,
    Auc,
    BalancedAccuracy,
    Leakage,
    TprAtFpr,
    Void,
    advantage,
    clopper_pearson,
    leakage,
    max_t_null,
    privacy,
)


def fresh(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_advantage_by_hand() -> None:
    assert advantage(0.6, 0.2) == pytest.approx(0.5)
    assert advantage(0.1, 0.2) == pytest.approx(-0.125)
    assert advantage(30, 10, perfect=50) == pytest.approx(0.5)
    void = advantage(0.95, 0.91)
    assert isinstance(void, Void) and "0.910" in void.reason
    assert isinstance(advantage(0.5, float("nan")), Void)


def test_leakage_by_hand(scores: Any) -> None:
    """Means 0.6 and 0.5 over two seeds, floors 0.1 and 0.2: the larger floor holds for both attacks."""
    strong = scores("strong", [0.5, 0.7] * 20, [0.55, 0.65] * 20)
    weak = scores("weak", [0.4, 0.6] * 20, [0.5, 0.5] * 20)
    prior, guess = scores("prior", *[[0.05, 0.15] * 20] * 2), scores("guess", *[[0.1, 0.3] * 20] * 2)
    found = leakage([weak, strong], [prior, guess], rng=fresh())
    assert found.strongest == ("strong", "m")
    assert [(e.name, e.blind) for e in found.advantages] == [("strong", "guess"), ("weak", "guess")]
    assert [e.value for e in found.advantages] == pytest.approx([0.5, 0.375])
    assert [e.floor for e in found.advantages] == pytest.approx([0.2, 0.2])
    assert found.estimate == pytest.approx(0.5, abs=0.02)
    best = found.advantages[0]
    assert found.low == pytest.approx(found.estimate - (best.value - best.alone_low))
    assert found.high == pytest.approx(max(e.alone_high for e in found.advantages))
    # Bounds of one attack alone have a bootstrap of their own, which may reach as far as the joint one.
    assert all(e.low < e.value < e.high and e.alone_low < e.value < e.alone_high for e in found.advantages)
    assert (found.n_records, found.n_seeds, found.conditional_on_seed) == (40, 2, False)
    assert found.flags == ("few_seeds",)


def test_the_largest_metric_counts_each_over_its_own_floor(scores: Any) -> None:
    tokens, spans = scores("a", [0.5, 0.7] * 10, metric="token"), scores("a", [0.7, 0.9] * 10, metric="span")
    floors = [scores("b", [0.1, 0.3] * 10, metric="token"), scores("b", [0.7, 0.8] * 10, metric="span")]
    found = leakage([tokens, spans], floors, rng=fresh())
    values = {e.metric: e.value for e in found.advantages}
    assert values == pytest.approx({"token": 0.5, "span": 0.2})
    assert found.strongest == ("a", "token")


@pytest.mark.parametrize("leaked", [0.0, 1.0])
def test_all_or_nothing_gets_clopper_pearson_not_a_zero_width(scores: Any, leaked: float) -> None:
    found = leakage([scores("a", [leaked] * 50)], [scores("b", [0.0] * 50)], rng=fresh())
    low, high = clopper_pearson(50 * leaked, 50)
    assert found.estimate == leaked
    if leaked:
        assert low - 0.1 < found.low <= low and found.high >= 1.0
    else:
        # The floor never varied either: it too may really be a little above 0.
        assert found.high == pytest.approx(high) and found.low == pytest.approx(-high)


def test_twenty_silent_attacks_share_the_level(scores: Any) -> None:
    zeros = [0.0] * 500
    found = leakage([scores(f"a{i:02d}", zeros) for i in range(20)], [scores("b", zeros)], rng=fresh())
    assert found.advantages[0].high == pytest.approx(clopper_pearson(0, 500, 0.05 / 20)[1])


def test_attacks_that_recover_eight_texts_do_not_pay_for_each_other(scores: Any) -> None:
    """Defect 6: at 8 texts nine columns said a privacy of up to 0.56, where one says 0.37."""
    ones, zeros = [1.0] * 8, [0.0] * 8
    found = leakage([scores(f"a{i}", ones) for i in range(9)], [scores("b", zeros)], rng=fresh())
    one = leakage([scores("a0", ones)], [scores("b", zeros)], rng=fresh())
    assert found.low == pytest.approx(one.low) and found.low > 0.5


def test_an_attack_that_cannot_win_does_not_widen_the_interval(scores: Any) -> None:
    rng = fresh(4)
    strong, blind = scores("strong", rng.normal(0.6, 0.05, 40).tolist()), scores("b", [0.1] * 40)
    weak = [scores(f"w{i}", rng.normal(0.2, 0.05, 40).tolist()) for i in range(20)]
    one, many = leakage([strong], [blind], rng=fresh()), leakage([strong, *weak], [blind], rng=fresh())
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.15)


def test_a_silent_attack_keeps_its_own_share_of_the_level(scores: Any) -> None:
    """One attack varies far below the silent one: its narrow c must not set the exact bound of the other."""
    quiet = [scores(f"q{i}", [1.0] * 200) for i in range(9)]
    loud = scores("loud", [0.1, 0.3] * 100)
    found = leakage([loud, *quiet], [scores("b", [0.2, 0.1] * 100)], rng=fresh())
    low = {e.name: e.low for e in found.advantages}["q0"]
    assert low <= clopper_pearson(200, 200, 0.05 / 20)[0]


def test_one_success_is_never_better_than_none(scores: Any) -> None:
    uppers = []
    for k in (0, 1, 2, 5, 20):
        attack = scores("a", [1.0] * k + [0.0] * (200 - k))
        uppers.append(leakage([attack], [scores("b", [0.0] * 200)], rng=fresh()).high)
    assert uppers == sorted(uppers) and len(set(uppers)) == 5


def test_void_floor_and_undefined_metric(scores: Any) -> None:
    high_floor = leakage([scores("a", [1.0] * 9)], [scores("b", [0.95] * 9)], rng=fresh())
    assert "within 0.1" in str(high_floor.void) and math.isnan(high_floor.high)
    assert high_floor.strongest is None and math.isnan(privacy(high_floor).value) and privacy(high_floor).void
    nan = float("nan")
    empty = scores("a", [nan] * 9, metric="span")
    both = [empty, scores("a", [0.3, 0.5, 0.4] * 3)]
    floors = [scores("b", [0.0] * 9), scores("b", [nan] * 9, metric="span")]
    found = leakage(both, floors, rng=fresh())
    assert found.void is None and found.strongest == ("a", "m")
    assert "void:span:a" in found.flags
    assert {e.metric: e.void is None for e in found.advantages} == {"m": True, "span": False}


def test_a_nan_drops_the_record_for_that_metric_only(scores: Any) -> None:
    nan = float("nan")
    token = scores("a", [0.4, 0.6] * 15, metric="token")
    span = scores("a", [nan, 0.5, 0.7] * 10, metric="span")
    floors = [scores("b", [0.0] * 30, metric=m) for m in ("token", "span")]
    found = leakage([token, span], floors, rng=fresh())
    assert {e.metric: e.value for e in found.advantages} == pytest.approx({"token": 0.5, "span": 0.6})


def shuffled(entry: AttackScores, rng: np.random.Generator) -> AttackScores:
    tables = {}
    for seed in rng.permutation(list(entry.values)).tolist():
        items = list(entry.values[seed].items())
        tables[seed] = dict(items[i] for i in rng.permutation(len(items)))
    return replace(entry, values=tables)


def test_order_of_records_seeds_and_attacks_does_not_matter(world: Any) -> None:
    attacks, blinds = world(means=(0.4, 0.5, 0.45), tau=0.02).draw(fresh(1))
    one = leakage(attacks, blinds, rng=fresh(2))
    other = [shuffled(attack, fresh(3)) for attack in reversed(attacks)]
    assert leakage(other, [shuffled(b, fresh(4)) for b in blinds], rng=fresh(2)) == one


def test_one_seed_is_conditional_and_more_seeds_are_not(world: Any) -> None:
    single = leakage(*world(means=(0.4,), seeds=1).draw(fresh()), rng=fresh())
    assert single.conditional_on_seed and privacy(single).conditional_on_seed
    five = leakage(*world(means=(0.4,)).draw(fresh()), rng=fresh())
    assert not five.conditional_on_seed and five.flags == ()


def membership(
    rng: np.random.Generator, shift: float, statistic: TprAtFpr | Auc, n: int = 200, seeds: int = 1
) -> AttackScores:
    labels, values = {}, {}
    for seed in range(seeds):
        truth = np.arange(n) % 2
        labels[seed] = {f"r{i}": int(y) for i, y in enumerate(truth)}
        draw = rng.standard_normal(n) + shift * truth
        values[seed] = {f"r{i}": float(v) for i, v in enumerate(draw)}
    return AttackScores(f"mia{shift}", "membership", values, statistic, labels)


def test_membership_statistics_and_their_intervals() -> None:
    """Unit shift: AUC = Phi(1/sqrt 2) = 0.760, TPR at 10 % FPR = Phi(1 - 1.2816) = 0.389."""
    for statistic, truth in ((Auc(), 0.760), (TprAtFpr(0.1), 0.389)):
        attack = membership(fresh(5), 1.0, statistic, 1000, seeds=5)
        blind = replace(membership(fresh(6), 0.0, statistic, 1000, seeds=5), name="blind")
        found = leakage([attack], [blind], rng=fresh(), resamples=500)
        entry = found.advantages[0]
        chance = 0.5 if isinstance(statistic, Auc) else 0.1
        assert entry.score == pytest.approx(truth, abs=0.04)
        assert entry.floor == pytest.approx(chance, abs=0.02)
        assert found.low < (truth - chance) / (1 - chance) < found.high
        assert found.high - found.low < 0.2
    few = leakage([membership(fresh(), 1.0, TprAtFpr(0.01))], [membership(fresh(), 0.0, TprAtFpr(0.01))], rng=fresh())
    assert "few_nonmembers:membership" in few.flags


def test_perfect_membership_has_a_bound_from_the_number_of_members() -> None:
    attack = membership(fresh(), 100.0, TprAtFpr(0.1))
    found = leakage([attack], [membership(fresh(), 0.0, TprAtFpr(0.1))], rng=fresh())
    assert found.advantages[0].value == pytest.approx(1.0)
    assert 0.9 < found.low < 1.0


def test_balanced_accuracy_ignores_class_sizes() -> None:
    labels = {0: {f"r{i}": int(i < 80) for i in range(100)}}
    right = {0: {f"r{i}": float(i < 80 or i >= 90) for i in range(100)}}
    guess = {0: {f"r{i}": float(i < 80) for i in range(100)}}
    attack = AttackScores("a", "label", right, BalancedAccuracy(), labels)
    majority = AttackScores("majority", "label", guess, BalancedAccuracy(), labels)
    entry = leakage([attack], [majority], rng=fresh()).advantages[0]
    assert (entry.score, entry.floor) == pytest.approx((0.75, 0.5))
    assert entry.value == pytest.approx(0.5) and entry.low < 0.5 < entry.high


def test_every_misfit_is_reported_at_once(scores: Any) -> None:
    odd_seed = AttackScores("s", "m", {7: {"r000": 0.5}})
    other = AttackScores("o", "m", {0: {"r000": 0.5, "zz": 0.5}})
    mia = AttackScores("mia", "membership", {0: {"r000": 3.0}}, Auc())
    wild = scores("w", [1.5, 0.1])
    with pytest.raises(LeakboardError) as caught:
        leakage([scores("a", [0.1, 0.2]), odd_seed, other, mia, wild, wild], [scores("b", [0.1, 0.1])], rng=fresh())
    text = str(caught.value)
    for part in ("seeds [7]", "records differ", "no blind attack", "pass labels", "in [0, 1]", "twice"):
        assert part in text
    with pytest.raises(LeakboardError, match="no attack"):
        leakage([], [], rng=fresh())
    with pytest.raises(LeakboardError, match="no cluster"):
        leakage([scores("a", [0.1])], [scores("b", [0.1])], rng=fresh(), clusters={})


values = st.lists(st.floats(0.0, 0.6), min_size=8, max_size=8)


def of(name: str, row: list[float]) -> AttackScores:
    return AttackScores(name, "m", {0: {f"r{i}": v for i, v in enumerate(row)}})


def run(rows: list[list[float]]) -> Leakage:
    blind = [of("b", [0.0] * 8)]
    return leakage([of(f"a{i}", row) for i, row in enumerate(rows)], blind, rng=fresh(), resamples=200)


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=1, max_size=4), st.floats(0.01, 0.4))
def test_more_leakage_never_means_more_privacy(rows: list[list[float]], shift: float) -> None:
    before, after = run(rows), run([[v + shift for v in row] for row in rows])
    assert after.estimate > before.estimate and after.high >= before.high - 1e-9
    assert privacy(after).value <= privacy(before).value and privacy(after).low <= privacy(before).low + 1e-9
    assert before.low <= before.estimate <= before.high and before.low < before.high
    shown = privacy(before)
    assert 0 <= shown.low <= shown.value <= shown.high <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=1, max_size=3), values)
def test_one_more_attack_never_lowers_the_upper_leakage(rows: list[list[float]], extra: list[float]) -> None:
    assert run([*rows, extra]).high >= run(rows).high - 1e-9


def test_negative_control_passes_noise_and_catches_a_leak(world: Any) -> None:
    passed = 0
    for i in range(40):
        rng = fresh(100 + i)
        null = world(means=(0.2,) * 20, records=40, tau=0.0).draw(rng)
        passed += max_t_null(*null, rng=rng, resamples=2000).passed
    assert passed >= 38
    leak = world(means=(0.2,) * 19 + (0.23,), records=100).draw(fresh(1))
    test = max_t_null(*leak, rng=fresh(2))
    assert not test.passed and test.statistic > test.threshold and test.strongest == ("a19", "m")


def test_negative_control_without_variance(scores: Any) -> None:
    zeros, ones = [0.0] * 100, [1.0] * 100
    silent = max_t_null([scores("a", zeros)], [scores("b", zeros)], rng=fresh())
    assert silent.passed and silent.statistic == 0.0
    same = [0.2, 0.4] * 50
    blindly = max_t_null([scores("a", same)], [scores("b", same)], rng=fresh())
    assert blindly.passed and blindly.statistic == 0.0
    worse = max_t_null([scores("a", zeros)], [scores("b", [0.2, 0.4] * 50)], rng=fresh())
    assert worse.passed and worse.statistic < 0
    assert not max_t_null([scores("a", ones)], [scores("b", zeros)], rng=fresh()).passed
    with pytest.raises(LeakboardError, match="nothing to test"):
        max_t_null([scores("a", ones)], [scores("b", ones)], rng=fresh())
    with pytest.raises(LeakboardError, match="20 / level"):
        max_t_null([scores("a", ones)], [scores("b", zeros)], rng=fresh(), resamples=500)
