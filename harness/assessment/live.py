"""The control that shadows stand for the live run: only then are rates of membership pooled over both.

Shadows are most of the targets, so pooled rates are those of shadows. Where the live run leaks more or less than they
do (because the attacker trains them otherwise, or because the submission behaves otherwise in them), only the live run
counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.assessment.flags import Flag
from harness.assessment.series import Series

__all__ = ["LEVEL", "differences"]

LEVEL = 0.01
"""Joint level of the test over all attacks of a row."""

_LEAST_SHADOWS = 3
_GROUPS = {"canaries": 1.0, "average": 0.0}


def differences(attacks: Sequence[Series]) -> tuple[Flag, ...]:
    """A flag for each membership attack whose AUC on the live run lies outside the spread of its AUC on shadows.

    Per attack and kind of candidate the live run is a new draw from the shadows' distribution: Student's t of the
    difference, summed over seeds, with the prediction variance s^2 (1 + 1/T) of T shadows; Bonferroni over all tests.
    The spread is taken to be no less than a quarter of a candidate, since AUCs of few candidates are discrete.
    """
    from scipy.special import stdtr

    tests = [test for series in attacks if _asks(series) for test in _tests(series)]
    flags = []
    for title, live, shadows, se, freedom in tests:
        p = 2.0 * float(stdtr(freedom, -abs(live - shadows) / se))
        if p < LEVEL / len(tests):
            detail = f"{title}: AUC {live:.2f} on the live run, {shadows:.2f} on shadows (p = {p:.1g})"
            flags.append(Flag("live_unlike_shadows", detail))
    return tuple(flags)


def _asks(series: Series) -> bool:
    return series.status == "ok" and series.secret.partition(":")[0] == "membership"


def _tests(series: Series) -> Iterator[tuple[str, float, float, float, int]]:
    """(title, mean live AUC, mean shadow AUC, standard error of their difference, degrees of freedom)."""
    import numpy as np

    for group, canary in _GROUPS.items():
        seeds = [
            (areas[0], [area for target, area in areas.items() if target], size)
            for seed in series.values("score")
            for areas, size in [_areas(series, seed, canary)]
            if 0 in areas and len(areas) > _LEAST_SHADOWS
        ]
        if seeds:
            spreads = [max(float(np.var(shadows, ddof=1)), (0.25 / size) ** 2) for _, shadows, size in seeds]
            wide = [spread * (1 + 1 / len(shadows)) for spread, (_, shadows, _) in zip(spreads, seeds, strict=True)]
            title = " ".join(part for part in (series.name, series.variant, f"on {group}") if part)
            live, shadow = (float(np.mean([np.mean(seed[side]) for seed in seeds])) for side in (0, 1))
            yield title, live, shadow, sum(wide) ** 0.5 / len(seeds), sum(len(shadows) - 1 for _, shadows, _ in seeds)


def _areas(series: Series, seed: int, canary: float) -> tuple[dict[int, float], int]:
    """Target -> AUC, where it has members and others of this kind, and the smallest number of either."""
    from harness.metrics.membership import auc

    labels, kinds = series.values("label").get(seed, {}), series.values("canary").get(seed, {})
    by_target: dict[int, list[tuple[float, int]]] = {}
    for record, value in series.values("score").get(seed, {}).items():
        if kinds.get(record, 0.0) == canary and record in labels and value == value:
            by_target.setdefault(int(record.partition(":")[0]), []).append((value, int(labels[record])))
    areas, sizes = {}, []
    for target, pairs in by_target.items():
        members = sum(label for _, label in pairs)
        if 0 < members < len(pairs):
            areas[target] = auc([value for value, _ in pairs], [label for _, label in pairs])
            sizes.append(min(members, len(pairs) - members))
    return areas, min(sizes, default=1)
