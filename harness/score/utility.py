"""Utility that is left under a defense, between the reference that needs no protocol and no defense at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import LeakboardError
from harness.score.resample import Columns, resample, standard_errors, studentise
from harness.score.results import AttackScores, Estimate, RecordScores
from harness.score.rules import LEAST_GAP
from harness.score.sheets import Study, align
from harness.score.statistic import Mean
from harness.util.arrays import Floats

__all__ = ["combine_utilities", "knockout_excess", "mean", "utility"]


def utility(
    u: RecordScores,
    u_undefended: RecordScores,
    u_references: Sequence[RecordScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    resamples: int = 2000,
) -> Estimate:
    """(u - u_ref) / (u_undefended - u_ref) with a 95 % interval from a bootstrap paired by record.

    Higher scores are better: perplexity enters as negative log-likelihood, negated. ``u_references`` are the blind
    guess and local-only training; the better by mean is u_ref. Not clipped: a defense may help. Void where
    u_undefended - u_ref is less than ``LEAST_GAP`` standard errors, or its interval is not wholly above 0: then the
    protocol earned nothing to keep, or too little for a ratio to be unbiased.
    Raises LeakboardError when records or seeds differ, or a score is not finite.
    """
    study = _aligned(u, {"undefended": u_undefended, **_named(u_references)}, clusters)
    columns = resample(study, rng, resamples)
    best = _best(columns, 2)
    once = len(study.seeds) == 1
    gap = columns.mean[1] - columns.mean[best]
    parts, draws = (array[..., 1] - array[..., best] for array in (columns.parts, columns.draws))
    se, reach = float(standard_errors(parts[:, None], draws[..., None])[0]), _reach(parts, draws, rng)
    if gap - reach <= 0 or gap < LEAST_GAP * se:
        nan = float("nan")
        reason = f"undefended minus reference is {gap:.4g}, 95 % interval [{gap - reach:.4g}, {gap + reach:.4g}]"
        asked = f"; {gap / se:.1f} standard errors, of {LEAST_GAP:g} that utility needs" if se > 0 else ""
        return Estimate(nan, nan, nan, reason + asked, once)
    value = float((columns.mean[0] - columns.mean[best]) / gap)
    mix = np.zeros(len(columns.mean))
    mix[[0, 1]] = 1.0, -value
    mix[best] = value - 1.0
    half = _reach(columns.parts @ mix / gap, columns.draws @ mix / gap, rng)
    return Estimate(value, value - half, value + half, None, once)


def mean(u: RecordScores, *, rng: np.random.Generator, resamples: int = 2000) -> Estimate:
    """The mean of a task's raw scores over records and seeds, with its 95 % interval (bootstrap-t over both).

    Raises LeakboardError where a score is not finite.
    """
    study = _aligned(u, _named([u]), None)
    columns = resample(study, rng, resamples)
    half = _reach(columns.parts[:, 0], columns.draws[..., 0], rng)
    value = float(columns.mean[0])
    return Estimate(value, value - half, value + half, None, len(study.seeds) == 1)


def combine_utilities(tasks: Sequence[Estimate]) -> Estimate:
    """Several tasks as the mean of their normalised utilities.

    The interval is the mean of the tasks' bounds, which is exact for tasks that err together and too wide otherwise.
    A void task cannot be normalised and is left out, with a flag; void where all are. Raises LeakboardError on
    an empty sequence.
    """
    if not tasks:
        raise LeakboardError("combine_utilities: there is no task; pass the utility of at least one")
    live = [task for task in tasks if task.void is None]
    once = any(task.conditional_on_seed for task in tasks)
    if not live:
        nan = float("nan")
        return Estimate(nan, nan, nan, "; ".join(str(task.void) for task in tasks), once)
    value, low, high = np.mean([(task.value, task.low, task.high) for task in live], axis=0).tolist()
    dropped = len(tasks) - len(live)
    return Estimate(value, low, high, None, once, (f"void_tasks:{dropped}",) if dropped else ())


def knockout_excess(
    u_knockout: RecordScores,
    u_defended: RecordScores,
    u_references: Sequence[RecordScores],
    *,
    rng: np.random.Generator,
    kept: float = 0.2,
    level: float = 0.99,
    clusters: Mapping[str, str] | None = None,
    resamples: int = 2000,
) -> Estimate:
    """Utility that survives exchanging the replies between inputs, beyond what may; above 0: earned past the protocol.

    With foreign replies the task must fall to the reference, the better by mean of ``u_references``: the blind guess,
    local-only work, and what the undefended system earns with foreign replies. Of what the defended system itself earns
    above it, a share ``kept`` may stay. So the value is K - R - kept max(0, D - R), from means K with foreign replies,
    D without and R of the reference; it is a paired difference, hence defined where the ratio that utility is has no
    meaning. ``low`` is the end of its one-sided interval at ``level``. Raises as ``utility``.
    """
    study = _aligned(u_knockout, {"defended": u_defended, **_named(u_references)}, clusters)
    columns = resample(study, rng, resamples)
    best = _best(columns, 2)
    mix = np.zeros(len(columns.mean))
    mix[0], mix[best] = 1.0, -1.0
    if columns.mean[1] > columns.mean[best]:
        mix[1], mix[best] = -kept, kept - 1.0
    value = float(columns.mean @ mix)
    half = _reach(columns.parts @ mix, columns.draws @ mix, rng, 2 * level - 1)
    return Estimate(value, value - half, value + half, None, len(study.seeds) == 1)


def _named(references: Sequence[RecordScores]) -> dict[str, RecordScores]:
    if not references:
        raise LeakboardError("utility needs a reference: pass the blind guess, local-only training, or both")
    return {f"zz{index:04d}": scores for index, scores in enumerate(references)}


def _aligned(u: RecordScores, others: Mapping[str, RecordScores], clusters: Mapping[str, str] | None) -> Study:
    """Columns: the first series, then the others by name, so references (``zz...``) come last."""
    for name, series in (("scored", u), *others.items()):
        if not all(np.isfinite(list(scores.values())).all() for scores in series.values()):
            raise LeakboardError(f"utility: the {name} series has an undefined score; score a failed record 0")
    kind = Mean(bounded=False)
    blinds = [AttackScores(name, "utility", scores, kind) for name, scores in others.items()]
    return align([AttackScores("scored", "utility", u, kind)], blinds, clusters)


def _best(columns: Columns, first: int) -> int:
    return first + int(np.argmax(columns.mean[first:]))


def _reach(parts: Floats, draws: Floats, rng: np.random.Generator, level: float = 0.95) -> float:
    """Half the width of the interval of one quantity at ``level``: parts (seeds,), draws (resamples, seeds)."""
    se, ratios = studentise(parts[:, None], draws[..., None], rng)
    return float(se[0] * np.quantile(np.abs(ratios[:, 0]), level))
