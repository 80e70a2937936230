"""Intervals and estimates where the truth is known: five seeds, twenty correlated attacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.assessment.results import Assessment, AttackResult, Place, RowResults, TaskScores
from harness.assessment.series import Series
from harness.score import AttackScores, Leakage, RecordScores, leakage, utility
from leaderboard.ranks import Difference, bootstrap_jointly, differences

SEEDS, RECORDS, ATTACKS, FLOOR, SPREAD = 5, 40, 20, 0.5, 0.14


def scores(rng: np.random.Generator, means: np.ndarray[Any, Any], rho: float, tau: float) -> list[RecordScores]:
    """Per-record scores of entries that share record effects (``rho``) and a seed effect (``tau``)."""
    columns: list[dict[int, dict[str, float]]] = [{} for _ in means]
    for seed in range(SEEDS):
        shared = rng.standard_normal((RECORDS, 1))
        noise = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.standard_normal((RECORDS, len(means)))
        values = means + SPREAD * np.clip(noise, -3, 3) + tau * rng.standard_normal() * (means > FLOOR + 1e-9)
        for column, values_of in zip(columns, np.clip(values, 0, 1).T.tolist(), strict=True):
            column[seed] = {f"s{seed}r{i}": value for i, value in enumerate(values_of)}
    return list(columns)


def measured(rng: np.random.Generator, means: np.ndarray[Any, Any], rho: float = 0.6, tau: float = 0.0) -> Leakage:
    *attacks, blind = scores(rng, np.append(means, FLOOR), rho, tau)
    entries = [AttackScores(f"a{i:02d}", "m", values) for i, values in enumerate(attacks)]
    return leakage(entries, [AttackScores("blind", "m", blind)], rng=rng, resamples=400)


def family_coverage(leaks: list[Leakage], truth: np.ndarray[Any, Any]) -> float:
    """Share of simulations in which every attack's interval holds its truth."""
    held = [all(a.low <= t <= a.high for a, t in zip(leak.advantages, truth, strict=True)) for leak in leaks]
    return float(np.mean(held))


def simulate(means: np.ndarray[Any, Any], runs: int, tau: float = 0.0) -> list[Leakage]:
    return [measured(np.random.default_rng([3, i]), means, tau=tau) for i in range(runs)]


@pytest.mark.slow
def test_intervals_of_twenty_correlated_attacks_cover_and_the_null_is_unbiased() -> None:
    means = np.full(ATTACKS, FLOOR)
    leaks = simulate(means, 200)
    assert 0.92 <= family_coverage(leaks, np.zeros(ATTACKS)) <= 0.98
    assert abs(float(np.mean([leak.estimate for leak in leaks]))) < 0.01
    assert np.mean([leak.low <= 0.0 <= leak.high for leak in leaks]) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.01, 0.02])
def test_intervals_cover_when_attacks_leak(tau: float) -> None:
    means = np.linspace(0.5, 0.56, ATTACKS)
    leaks = simulate(means, 1000, tau)
    assert 0.92 <= family_coverage(leaks, (means - FLOOR) / (1 - FLOOR)) <= 0.98


def row(
    name: str, attack: RecordScores, floor: RecordScores, u: RecordScores, base: RecordScores, reference: RecordScores
) -> Assessment:
    """An assessment with one attack and one task."""
    a, b = AttackScores(name, "m", attack), AttackScores("blind", "m", floor)
    rng = np.random.default_rng(0)
    leak = leakage([a], [b], rng=rng, resamples=100)
    series = Series("attack", "", "text", "", "attack", "honest", {}, "ok", None)
    result = AttackResult(series, "m", True, False, SEEDS * RECORDS, leak.advantages[0], "ok", None, (), a, b)
    task = TaskScores("accuracy", u, base, (reference,))
    useful = utility(u, base, [reference], rng=rng, resamples=100)
    results = RowResults(Place(name, 0))
    return Assessment("simulated@1", "entry", results, leak, None, useful, 1.0, (), (result,), (task,), (), None)


def difference(i: int, means: tuple[float, float], measure: str, tau: float = 0.0) -> Difference:
    """A difference between two rows whose attacks have these means and whose utilities are 0.8 and 0.6 of the way."""
    rng = np.random.default_rng([5, i])
    a, b, floor, u, v, base, reference = scores(rng, np.array([*means, FLOOR, 0.54, 0.52, 0.56, 0.46]), 0.6, tau)
    rows = [row("a", a, floor, u, base, reference), row("b", b, floor, v, base, reference)]
    return differences(bootstrap_jointly(rows), [(Place("a", 0), Place("b", 0))], measure)[0]


TRUTHS = {"privacy": (0.53 - 0.56) / 0.5, "utility": 0.02 / 0.1}


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["privacy", "utility"])
def test_paired_differences_cover_their_truth(measure: str) -> None:
    tested = [difference(i, (0.56, 0.53), measure) for i in range(60)]
    covered = np.mean([d.low <= TRUTHS[measure] <= d.high for d in tested])
    assert 0.9 <= covered <= 1.0
    assert abs(np.mean([d.value for d in tested]) - TRUTHS[measure]) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.02])
def test_paired_differences_have_nominal_level(tau: float) -> None:
    tested = [difference(i, (0.55, 0.55), "privacy", tau) for i in range(400)]
    assert 0.92 <= np.mean([d.low <= 0 <= d.high for d in tested]) <= 0.98
    assert 0.02 <= np.mean([d.p < 0.05 for d in tested]) <= 0.08


def test_pairing_sheds_what_rows_share() -> None:
    """The interval of the difference is far narrower than the two rows' own intervals together."""
    rng = np.random.default_rng(1)
    a, b, floor, u, base, reference = scores(rng, np.array([0.55, 0.52, FLOOR, 0.54, 0.56, 0.46]), 0.97, 0.03)
    rows = [row(name, s, floor, u, base, reference) for name, s in (("a", a), ("b", b))]
    tested = differences(bootstrap_jointly(rows), [(Place("a", 0), Place("b", 0))], "privacy")[0]
    widths = [r.leakage.high - r.leakage.low for r in rows if r.leakage]
    assert tested.high - tested.low < 0.5 * sum(widths)
    assert tested.high < 0 and tested.p < 0.01


def test_equal_rows_do_not_differ() -> None:
    rng = np.random.default_rng(2)
    a, floor, u, base, reference = scores(rng, np.array([0.55, FLOOR, 0.54, 0.56, 0.46]), 0.5, 0.0)
    rows = [row(name, a, floor, u, base, reference) for name in ("a", "b")]
    for measure in ("privacy", "utility", "pue"):
        tested = differences(bootstrap_jointly(rows), [(Place("a", 0), Place("b", 0))], measure)[0]
        assert (tested.value, tested.p) == (0.0, 1.0)


def test_no_row_no_difference() -> None:
    assert bootstrap_jointly([]).rows == {}
    assert differences(bootstrap_jointly([]), [(Place("a", 0), Place("b", 0))], "privacy") == []
