"""VFLAIR's Defense Capability Scores, for comparison with what its users know (Zou et al. 2023)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.assessment import Assessment, TaskScores
from harness.score import RecordScores, dcs

__all__ = ["attack_dcs", "dcs_by_kind", "dcs_columns", "mean_over_kinds"]

BETA = 0.5


def dcs_columns(row: Assessment) -> dict[str, Any]:
    """``dcs``, ``t_dcs`` (JSON) and ``c_dcs`` of a row; None where a part is missing."""
    scores = attack_dcs(row)
    if not scores:
        return {"dcs": None, "t_dcs": None, "c_dcs": None}
    kinds = dcs_by_kind(scores)
    return {"dcs": min(value for _, value in scores), "t_dcs": json.dumps(kinds), "c_dcs": mean_over_kinds(kinds)}


def attack_dcs(row: Assessment) -> list[tuple[str, float]]:
    """(kind of secret, DCS) of every attack that counts.

    AP is the attack's raw score (its best metric), AP* = 0. MP is the task's raw mean where tasks score in [0, 1],
    else the normalised utility; MP* that of the undefended system.
    """
    performance = _task(row)
    if performance is None or row.status != "ok" or row.aggregate_only:
        return []
    task, ideal = performance
    best: dict[tuple[str, str, str, str], float] = {}
    for attack in row.attacks:
        if attack.counts and attack.advantage is not None and attack.advantage.score == attack.advantage.score:
            series = attack.series
            kind = series.secret.partition(":")[0]
            which = (kind, series.name, series.variant, series.coalition)
            best[which] = max(best.get(which, 0.0), attack.advantage.score)
    return [(which[0], dcs(ap, task, BETA, ideal_task=ideal)) for which, ap in sorted(best.items())]


def dcs_by_kind(scores: Iterable[tuple[str, float]]) -> dict[str, float]:
    """T-DCS: the mean over the attacks on each kind of secret."""
    by_kind: dict[str, list[float]] = {}
    for kind, value in scores:
        by_kind.setdefault(kind, []).append(value)
    return {kind: sum(values) / len(values) for kind, values in by_kind.items()}


def mean_over_kinds(kinds: Mapping[str, float]) -> float | None:
    """C-DCS with equal weights: the mean of T-DCS over the kinds that exist."""
    return sum(kinds.values()) / len(kinds) if kinds else None


def _task(row: Assessment) -> tuple[float, float] | None:
    """(MP, MP*)."""
    shares = [task for task in row.tasks if _is_share(task)]
    if shares:
        reached, ideal = ([_mean(getattr(task, who)) for task in shares] for who in ("u", "undefended"))
        return sum(reached) / len(reached), sum(ideal) / len(ideal)
    if row.utility is None or row.utility.void is not None:
        return None
    return row.utility.value, 1.0


def _is_share(task: TaskScores) -> bool:
    return all(0 <= v <= 1 for s in (task.u, task.undefended) for rows in s.values() for v in rows.values())


def _mean(scores: RecordScores) -> float:
    values = [value for rows in scores.values() for value in rows.values()]
    return sum(values) / len(values)
