"""Utility that is left under a defense, between the reference that needs no protocol and no defense at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import LeakboardError
from harness.score.resample import Columns, resample, studentise
from harness.score.results import AttackScores, Estimate, RecordScores
from harness.score.sheets import Study, align
from harness.score.statistic import Mean
from harness.util.arrays import Floats

__all__ = ["combine_utilities", "knockout_bypass", "mean", "utility"]


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
    the interval of u_undefended - u_ref is not wholly above 0, for then the protocol earned nothing to keep.
    Raises LeakboardError when records or seeds differ, or a score is not finite.
    """
    study = _aligned(u, {"undefended": u_undefended, **_named(u_references)}, clusters)
    columns = resample(study, rng, resamples)
    best = _best(columns, 2)
    once = len(study.seeds) == 1
    gap = columns.mean[1] - columns.mean[best]
    reach = _reach(columns.parts[:, 1] - columns.parts[:, best], columns.draws[..., 1] - columns.draws[..., best], rng)
    if gap - reach <= 0:
        nan = float("nan")
        reason = f"undefended minus reference is {gap:.4g}, 95 % interval [{gap - reach:.4g}, {gap + reach:.4g}]"
        return Estimate(nan, nan, nan, reason, once)
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


def knockout_bypass(
    u_knockout: RecordScores,
    u_references: Sequence[RecordScores],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    resamples: int = 2000,
) -> bool:
    """True where utility survives exchanging the replies between inputs, which flags the row as ``bypass``.

    With foreign replies the task must fall to the reference. It did not where the 95 % interval of knock-out minus
    the better reference lies wholly above 0: then utility was earned past the protocol. Raises as ``utility``.
    """
    study = _aligned(u_knockout, _named(u_references), clusters)
    columns = resample(study, rng, resamples)
    best = _best(columns, 1)
    reach = _reach(columns.parts[:, 0] - columns.parts[:, best], columns.draws[..., 0] - columns.draws[..., best], rng)
    return bool(columns.mean[0] - columns.mean[best] - reach > 0)


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


def _reach(parts: Floats, draws: Floats, rng: np.random.Generator) -> float:
    """Half the width of the 95 % interval of one quantity: parts (seeds,), draws (resamples, seeds)."""
    se, ratios = studentise(parts[:, None], draws[..., None], rng)
    return float(se[0] * np.quantile(np.abs(ratios[:, 0]), 0.95))
