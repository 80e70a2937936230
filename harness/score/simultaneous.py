"""Advantages of all attacks with bounds that hold for all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from harness.score.exact import exact_reach
from harness.score.resample import Columns, resample, standard_errors, studentise
from harness.score.results import Advantage, Void
from harness.score.sheets import Panel, Study
from harness.util.arrays import Floats, Ints

__all__ = ["Bounds", "advantage", "bounds", "entries"]

LEAST_RANGE = 0.1


def advantage(m: float, b: float, perfect: float = 1.0) -> float | Void:
    """(m - b) / (perfect - b): 0 at the blind floor, 1 at full recovery, negative below the floor; not clipped.

    ``m``, ``b``: the mean of the attack and of the best blind attack, over records and seeds. Void where the floor
    lies within 0.1 of perfect: then nothing is left for a transcript to add.
    """
    if not abs(perfect - b) >= LEAST_RANGE:
        return Void(f"the blind floor {b:.3f} is within {LEAST_RANGE} of a perfect score ({perfect:g})")
    return (m - b) / (perfect - b)


@dataclass(frozen=True)
class Pairs:
    """Every live (attack, blind attack) on one metric, as column numbers; ``effective`` clusters per column."""

    attack: Ints
    blind: Ints
    voids: dict[int, str]
    effective: dict[int, int]
    proportion: dict[int, bool]


@dataclass(frozen=True)
class Bounds:
    """Per pair: the advantage, its standard error, and how far below and above the truth may lie at ``c``.

    ``spread`` (entries,) is how far each raw mean may lie from its truth, one at a time; ``alone`` (2, pairs) how far
    below and above the truth may lie when the attack is looked at by itself, over all its blind attacks.
    """

    pairs: Pairs
    columns: Columns
    advantage: Floats
    se: Floats
    below: Floats
    above: Floats
    c: float
    spread: Floats
    alone: Floats


def bounds(
    study: Study, rng: np.random.Generator, resamples: int, level: float = 0.05, one_sided: bool = False
) -> Bounds:
    """Simultaneous bounds at 1 - ``level`` for the advantage over each blind attack, by max-T over all pairs.

    c is the quantile of the largest studentised deviation under the cluster bootstrap (Westfall and Young 1993).
    Where the exact reach of an attack's or a floor's mean (harness.score.exact) at the pair's share of the level
    exceeds c standard errors, the difference is added in quadrature: an entry that never varied has a bound too.
    """
    columns = resample(study, rng, resamples)
    pairs = _pairs(study, columns)
    m, b = columns.mean[pairs.attack], columns.mean[pairs.blind]
    if len(m) == 0:
        return Bounds(pairs, columns, m, m, m, m, float("nan"), np.full_like(columns.mean, np.nan), m[None])
    value = (m - b) / (1 - b)
    combine = [_combine(array, pairs, value, b) for array in (columns.parts, columns.draws)]
    se, ratios = studentise(combine[0], combine[1], rng)
    errors = standard_errors(columns.parts, columns.draws)
    tails = (ratios, 1) if one_sided else (np.abs(ratios), 2)
    c, alpha = _critical(tails[0], pairs, errors, level, tails[1])
    below, above = _reach(pairs, columns, errors, value, se, c, alpha)
    own, alone = studentise(columns.parts, columns.draws, rng)
    spread = own * np.quantile(np.abs(alone), 0.95, axis=0)
    each = _alone(pairs, columns, errors, value, se, np.abs(ratios))
    return Bounds(pairs, columns, value, se, below, above, c, spread, each)


def _alone(pairs: Pairs, columns: Columns, errors: Floats, value: Floats, se: Floats, ratios: Floats) -> Floats:
    """(2, pairs): distances below and above at 95 %, with no other attack sharing the level."""
    reach = np.zeros((2, len(value)))
    for attack in np.unique(pairs.attack):
        own = pairs.attack == attack
        part = replace(pairs, attack=pairs.attack[own], blind=pairs.blind[own])
        c, alpha = _critical(ratios[:, own], part, errors, 0.05, 2)
        reach[:, own] = _reach(part, columns, errors, value[own], se[own], c, alpha)
    return reach


def _combine(array: Floats, pairs: Pairs, value: Floats, b: Floats) -> Floats:
    """Contributions to (m - b) - A (1 - b), over (1 - b)."""
    return np.asarray((array[..., pairs.attack] - (1 - value) * array[..., pairs.blind]) / (1 - b))


def _critical(ratios: Floats, pairs: Pairs, errors: Floats, level: float, sides: int) -> tuple[float, float]:
    """c, and the level of each two-sided exact interval.

    Attacks without variance never show in max-T, so where only some have none, each kind gets half the level; the
    exact intervals share theirs by Bonferroni, or are as wide as c where that is less.
    """
    from scipy.special import ndtr, ndtri

    attacks = np.unique(pairs.attack)
    silent = int((errors[attacks] == 0).sum())
    level = level / 2 if 0 < silent < len(attacks) else level
    share = level / len(attacks)
    moving = ratios.any(axis=0)
    if not moving.any():
        return float(-ndtri(share / sides)), 2 * share / sides
    c = float(np.quantile(ratios[:, moving].max(axis=1), 1 - level))
    return c, 2 * share / sides if silent else max(min(2 * float(ndtr(-c)), 2 * level / sides), 2 * share / sides)


def _reach(
    pairs: Pairs, columns: Columns, errors: Floats, value: Floats, se: Floats, c: float, alpha: float
) -> tuple[Floats, Floats]:
    excess: dict[int, tuple[float, float]] = {}
    for column in {*pairs.attack.tolist(), *pairs.blind.tolist()}:
        mean = float(np.clip(columns.mean[column], 0.0, 1.0))
        down, up = exact_reach(mean, pairs.effective[column], alpha, pairs.proportion[column])
        known = (c * float(errors[column])) ** 2
        excess[column] = max(down**2 - known, 0.0), max(up**2 - known, 0.0)
    below, above = np.zeros_like(value), np.zeros_like(value)
    for i, (a, j) in enumerate(zip(pairs.attack.tolist(), pairs.blind.tolist(), strict=True)):
        scale = (1.0 - columns.mean[j]) ** 2
        slope = (1.0 - value[i]) ** 2
        # A higher floor lowers the advantage, so the floor's upper reach is a lower one here.
        below[i] = sqrt((c * se[i]) ** 2 + (excess[a][0] + slope * excess[j][1]) / scale)
        above[i] = sqrt((c * se[i]) ** 2 + (excess[a][1] + slope * excess[j][0]) / scale)
    return below, above


def _pairs(study: Study, columns: Columns) -> Pairs:
    attack: list[int] = []
    blind: list[int] = []
    voids: dict[int, str] = {}
    effective: dict[int, int] = {}
    proportion: dict[int, bool] = {}
    for panel, first in _starts(study):
        width = len(panel.attacks) + len(panel.blinds)
        defined = {first + k for k in range(width) if panel.effective(k) >= 2}
        live = [c for c in range(first + len(panel.attacks), first + width) if c in defined]
        floor = advantage(0.0, max((float(columns.mean[c]) for c in live), default=0.0))
        for column in range(first, first + len(panel.attacks)):
            reason = _void(column in defined, bool(live), floor)
            if reason:
                voids[column] = reason
            else:
                attack += [column] * len(live)
                blind += live
        for column in defined:
            effective[column] = panel.effective(column - first)
            proportion[column] = all(panel.statistic.proportion(s.values[:, column - first]) for s in panel.sheets)
    return Pairs(np.array(attack, dtype=int), np.array(blind, dtype=int), voids, effective, proportion)


def _void(defined: bool, floored: bool, floor: float | Void) -> str | None:
    if not defined:
        return "fewer than two clusters define this metric"
    if not floored:
        return "no blind attack is defined on two clusters of this metric"
    return floor.reason if isinstance(floor, Void) else None


def _starts(study: Study) -> list[tuple[Panel, int]]:
    widths = [len(panel.attacks) + len(panel.blinds) for panel in study.panels]
    starts = np.cumsum([0, *widths]).tolist()
    return list(zip(study.panels, starts, strict=False))


def entries(study: Study, bands: Bounds) -> tuple[Advantage, ...]:
    """One Advantage per attack and metric: over its hardest blind attack, bounded over all of them."""
    out = []
    for panel, first in _starts(study):
        for offset, name in enumerate(panel.attacks):
            column = first + offset
            pairs = np.flatnonzero(bands.pairs.attack == column)
            out.append(_entry(panel, name, column, first, pairs, bands))
    return tuple(out)


def _entry(panel: Panel, name: str, column: int, first: int, pairs: Ints, bands: Bounds) -> Advantage:
    score, nan = float(bands.columns.mean[column]), float("nan")
    ends = _ends(panel, column - first, score, float(bands.spread[column]))
    if column in bands.pairs.voids:
        void = bands.pairs.voids[column]
        return Advantage(name, panel.metric, nan, nan, nan, nan, score, nan, "", void, *ends)
    hardest = int(pairs[np.argmin(bands.advantage[pairs])])
    floor = int(bands.pairs.blind[hardest])
    low = float((bands.advantage - bands.below)[pairs].min())
    high = float((bands.advantage + bands.above)[pairs].min())
    blind = panel.blinds[floor - first - len(panel.attacks)]
    value, se = float(bands.advantage[hardest]), float(bands.se[hardest])
    b = float(bands.columns.mean[floor])
    sides = ((bands.advantage + sign * reach)[pairs].min() for sign, reach in zip((-1, 1), bands.alone, strict=True))
    alone_low, alone_high = map(float, sides)
    return Advantage(name, panel.metric, value, se, low, high, score, b, blind, None, *ends, alone_low, alone_high)


def _ends(panel: Panel, index: int, mean: float, spread: float) -> tuple[float, float]:
    """The raw mean's 95 % interval: the bootstrap's, or the exact one (Clopper-Pearson for shares) where wider."""
    n = panel.effective(index)
    if n < 1 or mean != mean:
        return float("nan"), float("nan")
    share = all(panel.statistic.proportion(sheet.values[:, index]) for sheet in panel.sheets)
    down, up = exact_reach(float(np.clip(mean, 0.0, 1.0)), n, 0.05, share)
    return max(0.0, mean - max(down, spread)), min(1.0, mean + max(up, spread))
