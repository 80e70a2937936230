"""The strongest attack chosen on some records and measured on others, so that picking the luckiest adds nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from harness.score.sheets import Panel, Study
from harness.util.arrays import Floats, Ints

__all__ = ["cross_fit"]


@dataclass(frozen=True)
class _Sums:
    """One panel's additive form summed by seed and fold: ``x`` over ``d``, both (seeds, folds, entries)."""

    x: Floats
    d: Floats
    n_attacks: int


@dataclass(frozen=True)
class _Choice:
    """A pair's advantage where it was chosen, and its weight, mean and floor in the cell that was held out."""

    elsewhere: float
    weight: float
    m: float
    b: float


def cross_fit(study: Study, live: Collection[str], folds: int, rng: np.random.Generator) -> float | None:
    """Advantage of the strongest attack, cross-fitted over ``folds`` random folds of clusters and over seeds.

    For each (seed, fold), the best blind attack of each metric and then the attack with the largest advantage
    are chosen on the other folds of the other seeds (one seed: on its other folds); the held-out cell measures that
    pair. The cells combine as a ratio of means. Leaving out the seed too keeps an attack from being credited
    with a training run that happened to suit it. Only metrics in ``live`` compete. None where no cell has a pair
    that both sides define.
    """
    folds = min(folds, study.n_clusters)
    fold_of = rng.permutation(study.n_clusters) % folds
    panels = [_sums(panel, fold_of, folds) for panel in study.panels if panel.metric in live]
    gain, room = 0.0, 0.0
    for cell in np.ndindex(len(study.seeds), folds):
        choices = [choice for choice in (_choose(panel, cell) for panel in panels) if choice is not None]
        if choices:
            best = max(choices, key=lambda choice: choice.elsewhere)
            gain += best.weight * (best.m - best.b)
            room += best.weight * (1.0 - best.b)
    return gain / room if room > 0 else None


def _sums(panel: Panel, fold_of: Ints, folds: int) -> _Sums:
    member = [np.eye(folds)[fold_of[sheet.clusters]].T for sheet in panel.sheets]
    x = np.stack([fold @ x for fold, (x, _) in zip(member, panel.linear, strict=True)])
    d = np.stack([fold @ d for fold, (_, d) in zip(member, panel.linear, strict=True)])
    return _Sums(x, d, len(panel.attacks))


def _others(sums: Floats, cell: tuple[int, ...]) -> Floats:
    """Totals over the other folds of the other seeds; with one seed, over its other folds."""
    seed, fold = cell
    apart = np.ones(sums.shape[:2], dtype=bool)
    apart[:, fold] = False
    if len(sums) > 1:
        apart[seed] = False
    return np.asarray(sums[apart].sum(axis=0))


def _choose(panel: _Sums, cell: tuple[int, ...]) -> _Choice | None:
    here, there = panel.d[cell], _others(panel.d, cell)
    usable = (here > 0) & (there > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = np.where(usable, _others(panel.x, cell) / there, -np.inf)
    attack = int(np.argmax(chance[: panel.n_attacks]))
    blind = panel.n_attacks + int(np.argmax(chance[panel.n_attacks :]))
    if not (usable[attack] and usable[blind] and chance[blind] < 1.0):
        return None
    elsewhere = float((chance[attack] - chance[blind]) / (1.0 - chance[blind]))
    m, b = panel.x[cell][[attack, blind]] / here[[attack, blind]]
    return _Choice(elsewhere, float(here[attack] / panel.d[..., attack].sum()), float(m), float(b))
