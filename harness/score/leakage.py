"""Leakage of one (submission, operating point, scenario), and the test that a negative control is at chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import LeakboardError
from harness.score.crossfit import cross_fit
from harness.score.results import Advantage, AttackScores, Estimate, Leakage, NullTest
from harness.score.rules import RANKED_SEEDS
from harness.score.sheets import Study, align
from harness.score.simultaneous import bounds, entries

__all__ = ["leakage", "max_t_null", "privacy"]


def leakage(
    attacks: Sequence[AttackScores],
    blinds: Sequence[AttackScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    targets: Mapping[str, str] | None = None,
    folds: int = 5,
    resamples: int = 2000,
) -> Leakage:
    """The strongest attack's advantage over the best blind attack, with its 95 % interval.

    Pass the entries of record-level secrets alone. ``clusters`` maps record to its cluster within a seed (a client,
    say; by default each record is its own), ``targets`` to its cluster in a second way (:func:`align`). The estimate
    is cross-fitted over ``folds`` and seeds. The interval is of the largest of the true advantages, and no attack
    shares its level with another: above, the largest of all attacks' own upper bounds holds wherever that of the truly
    strongest does; below, the estimate less the strongest attack's own reach, since what was chosen on other records
    is no luckier here than it should be. (Uncross-fitted: the largest of the simultaneous lower bounds.) It is
    widened to hold the estimate where it does not. With one seed everything is conditional on that seed. Void where
    every entry is. Raises LeakboardError when the entries do not fit together, listing every misfit.
    """
    if folds < 2 or resamples < 100:
        raise LeakboardError(f"leakage: folds={folds}, resamples={resamples}; give at least 2 and 100")
    study = align(attacks, blinds, clusters, targets)
    bands = bounds(study, rng, resamples)
    advantages = entries(study, bands)
    live = [entry for entry in advantages if entry.void is None]
    if not live:
        return _void(study, advantages)
    strongest = max(live, key=lambda entry: entry.value)
    fitted = cross_fit(study, {entry.metric for entry in live}, folds, rng)
    estimate = strongest.value if fitted is None else fitted
    reach = strongest.value - strongest.alone_low
    flags = (*_flags(study, advantages), *(("not_cross_fitted",) if fitted is None else ()))
    return Leakage(
        estimate=estimate,
        low=min(estimate, max(entry.low for entry in live) if fitted is None else fitted - reach),
        high=max(estimate, *(entry.alone_high for entry in live)),
        strongest=(strongest.name, strongest.metric),
        advantages=advantages,
        c=bands.c,
        n_records=study.n_records,
        n_seeds=len(study.seeds),
        conditional_on_seed=len(study.seeds) == 1,
        flags=flags,
    )


def _void(study: Study, advantages: tuple[Advantage, ...]) -> Leakage:
    nan, seeds = float("nan"), len(study.seeds)
    reasons = "; ".join(sorted({f"{entry.metric}: {entry.void}" for entry in advantages}))
    flags = _flags(study, advantages)
    return Leakage(nan, nan, nan, None, advantages, nan, study.n_records, seeds, seeds == 1, reasons, flags)


def _flags(study: Study, advantages: tuple[Advantage, ...]) -> tuple[str, ...]:
    flags = {f"void:{entry.metric}:{entry.name}" for entry in advantages if entry.void is not None}
    for panel in study.panels:
        flags |= {f"{r}:{panel.metric}" for sheet in panel.sheets for r in panel.statistic.remarks(sheet.labels)}
    if len(study.seeds) < RANKED_SEEDS:
        flags.add("few_seeds")
    return tuple(sorted(flags))


def privacy(leakage: Leakage) -> Estimate:
    """1 - leakage, clipped to [0, 1]; ``low`` is what ranks use, for it comes from the interval's upper leakage."""
    # Clip keeps nan, so a void stays one.
    ends = (leakage.estimate, leakage.high, leakage.low) if leakage.void is None else (float("nan"),) * 3
    value, low, high = (float(np.clip(1.0 - x, 0.0, 1.0)) for x in ends)
    return Estimate(value, low, high, leakage.void, leakage.conditional_on_seed, leakage.flags)


def max_t_null(
    attacks: Sequence[AttackScores],
    blinds: Sequence[AttackScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    targets: Mapping[str, str] | None = None,
    level: float = 0.01,
    resamples: int = 5000,
) -> NullTest:
    """One max-T test, over all attacks at once, that none beats the best blind attack (a negative control).

    One-sided: an attack that guesses worse than blind is no leak. The statistic is the largest advantage in
    standard errors; an entry without variance is measured by its exact bound. ``resamples`` must leave at least 20
    draws beyond ``level``. Raises LeakboardError where it does not, or where no entry can be tested.
    """
    if not 0 < level < 1 or resamples * level < 20:
        raise LeakboardError(f"max_t_null: {resamples} resamples at level {level}; give at least 20 / level")
    study = align(attacks, blinds, clusters, targets)
    bands = bounds(study, rng, resamples, level, one_sided=True)
    if len(bands.advantage) == 0:
        reasons = sorted(set(bands.pairs.voids.values()))
        raise LeakboardError(f"max_t_null: every entry is void, so there is nothing to test: {'; '.join(reasons)}")
    gain, below = bands.c * bands.advantage, bands.below
    # An attack that guesses exactly like a blind one has neither advantage nor spread.
    ratios = np.divide(gain, below, out=np.where(gain > 0, np.inf, 0.0), where=below > 0)
    tests = {int(a): float(ratios[bands.pairs.attack == a].min()) for a in np.unique(bands.pairs.attack)}
    largest = max(tests, key=lambda a: tests[a])
    names = [(name, panel.metric) for panel in study.panels for name in (*panel.attacks, *panel.blinds)]
    return NullTest(tests[largest] <= bands.c, tests[largest], bands.c, names[largest])
