from __future__ import annotations

import math

import numpy as np
import pytest

from harness.errors import LeakboardError
from harness.score import Estimate, RecordScores, combine_utilities, knockout_excess, mean, utility


def table(rows: np.ndarray) -> RecordScores:
    """(seeds, records) to the mapping form."""
    return {s: {f"r{i}": float(v) for i, v in enumerate(row)} for s, row in enumerate(rows)}


def fresh(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_utility_by_hand() -> None:
    """Means 0.7, 0.9 and references 0.3, 0.5: (0.7 - 0.5) / (0.9 - 0.5) = 0.5."""
    wave = 0.1 * np.resize([1.0, -1.0], (2, 60))
    found = utility(table(0.7 + wave), table(0.9 + wave), [table(0.3 + wave), table(0.5 + wave)], rng=fresh())
    assert found.value == pytest.approx(0.5) and found.void is None
    # All four series move together record by record, so the pairing leaves nothing to be unsure of.
    assert found.high - found.low < 1e-9


def test_no_defense_has_utility_one_and_the_reference_zero() -> None:
    rng = fresh()
    full, low = rng.random((3, 80)) * 0.5 + 0.5, rng.random((3, 80)) * 0.5
    none = utility(table(full), table(full), [table(low)], rng=rng)
    assert (none.value, none.low, none.high) == pytest.approx((1.0, 1.0, 1.0))
    assert utility(table(low), table(full), [table(low)], rng=rng).value == pytest.approx(0.0)


def test_negative_log_likelihood_enters_negated() -> None:
    rng = fresh(1)
    nll = rng.random((5, 100))
    found = utility(table(-nll - 3), table(-nll - 2), [table(-nll - 6)], rng=rng)
    assert found.value == pytest.approx(0.75)


def test_void_where_the_protocol_earned_nothing() -> None:
    rng = fresh(2)
    noise = rng.random((5, 40))
    same = utility(table(noise), table(rng.random((5, 40))), [table(rng.random((5, 40)))], rng=rng)
    assert same.void is not None and "interval" in same.void and math.isnan(same.value)
    worse = utility(table(noise), table(noise - 1), [table(noise)], rng=rng)
    assert worse.void is not None


def test_one_seed_is_conditional() -> None:
    rows = fresh(3).random((1, 50))
    assert utility(table(rows), table(rows + 1), [table(rows - 1)], rng=fresh()).conditional_on_seed


def test_utility_needs_the_same_finite_records() -> None:
    rows = fresh(3).random((2, 20))
    with pytest.raises(LeakboardError, match="records differ"):
        utility(table(rows), table(rows[:, :19]), [table(rows)], rng=fresh())
    with pytest.raises(LeakboardError, match="undefined score"):
        utility(table(rows * np.nan), table(rows), [table(rows)], rng=fresh())
    with pytest.raises(LeakboardError, match="reference"):
        utility(table(rows), table(rows), [], rng=fresh())


@pytest.mark.parametrize("tau", [0.0, 0.05])
def test_the_interval_covers_the_true_utility(tau: float) -> None:
    hits, runs = 0, 150
    for i in range(runs):
        rng = fresh(1000 + i)
        shared = rng.standard_normal((5, 60)) * 0.1
        kept, full, low = (
            table(mean + shared + 0.1 * rng.standard_normal((5, 60)) + tau * rng.standard_normal((5, 1)))
            for mean in (0.6, 0.8, 0.3)
        )
        found = utility(kept, full, [low], rng=rng, resamples=500)
        hits += found.low <= 0.6 <= found.high
    assert 0.90 <= hits / runs <= 0.99


def test_tasks_combine_by_the_mean_and_voids_are_left_out() -> None:
    nan = float("nan")
    gone = Estimate(nan, nan, nan, "no gap")
    both = combine_utilities([Estimate(0.8, 0.7, 0.9), Estimate(0.4, 0.3, 0.6), gone])
    assert (both.value, both.low, both.high) == pytest.approx((0.6, 0.5, 0.75))
    assert both.flags == ("void_tasks:1",)
    assert combine_utilities([gone, gone]).void == "no gap; no gap"
    with pytest.raises(LeakboardError):
        combine_utilities([])


def test_knockout_flags_utility_that_survives_foreign_replies() -> None:
    rng = fresh(4)
    reference, fallen, kept = (rng.random((5, 60)) * 0.4 + shift for shift in (0.2, 0.2, 0.5))
    assert knockout_excess(table(fallen), table(kept), [table(reference)], rng=rng).low < 0
    assert knockout_excess(table(fallen - 0.1), table(kept), [table(reference)], rng=rng).low < 0
    assert knockout_excess(table(kept), table(kept), [table(fallen), table(reference)], rng=rng).low > 0
    ones = np.ones((2, 9))
    assert knockout_excess(table(ones), table(ones), [table(0 * ones)], rng=rng).low > 0


def test_a_share_of_what_was_earned_may_stay() -> None:
    """Reference 0.3, defended 0.8: with foreign replies 0.4 and less is no bypass, 0.5 is."""
    noise = fresh(5).random((5, 60)) * 0.02
    low, high, some, much = (table(noise + mean) for mean in (0.3, 0.8, 0.39, 0.5))
    assert knockout_excess(some, high, [low], rng=fresh()).low < 0 < knockout_excess(much, high, [low], rng=fresh()).low


def test_a_bypass_shows_where_sharing_gains_nothing() -> None:
    """Defect 3: through the utility ratio, void in 16 of 20 entries, a local answer was never seen."""
    rng = fresh(6)
    local, weak, none = (table((rng.random((1, 24)) < share).astype(float)) for share in (0.96, 0.55, 0.5))
    assert utility(local, weak, [none], rng=rng).void is not None
    assert knockout_excess(local, local, [none, weak], rng=rng).low > 0
    assert knockout_excess(weak, weak, [none], rng=rng).low < 0


def test_falling_as_far_as_the_reference_is_hardly_ever_called_a_bypass() -> None:
    """One-sided level 1 %, at its edge: what is left is just what may be."""
    alarms = 0
    for i in range(100):
        hits = fresh(1000 + i).random((3, 1, 40)) < 0.6
        swapped, own, reference = (table(rows.astype(float)) for rows in hits)
        alarms += knockout_excess(swapped, own, [reference], rng=fresh(i), resamples=300).low > 0
    assert alarms <= 5


def test_a_gap_of_less_than_four_standard_errors_is_no_scale() -> None:
    """Defect 3: where the gap is barely significant, a utility of 1.00 reads 0.53 to 0.85 on average."""
    index = np.arange(100)[None]
    right, guess = index < 65, index % 2 == 0  # apart by 0.15, 2.2 standard errors
    found = utility(table(right.astype(float)), table(right.astype(float)), [table(guess.astype(float))], rng=fresh())
    assert found.void is not None and "of 4 that utility needs" in found.void
    assert utility(table(right + 1.0), table(right + 1.0), [table(guess * 0.1)], rng=fresh()).void is None


def test_the_interval_of_a_raw_mean_covers() -> None:
    """Share of right answers, 100 records at each of 5 seeds, no variance between seeds: 95 % of intervals hold it."""
    covered = []
    for i in range(100):
        rng = np.random.default_rng(i)
        draws = {s: {f"r{j}": float(x) for j, x in enumerate(rng.random(100) < 0.7)} for s in range(5)}
        found = mean(draws, rng=rng, resamples=400)
        assert found.value == pytest.approx(np.mean([v for rows in draws.values() for v in rows.values()]))
        covered.append(found.low <= 0.7 <= found.high)
    assert sum(covered) >= 89
