"""Leakage by the number of records behind a release: from classes of one record, of a few, of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness import score
from harness.assessment import LIVE_ALONE, Assessment, AttackResult, ways
from harness.util import numpy_generator

__all__ = ["STRATA", "strata_rows", "stratum"]

STRATA = ("1", "2-3", "4-10", "more")
"""Records behind a release by which leakage is reported."""

_METRICS = ("AUC", "exact", "token_f1")
"""Ends of the metrics that few records can carry: a rate at 10 % false positives needs more of them."""

Row = dict[str, Any]
Wanted = dict[int, set[str]]


def stratum(count: float) -> str:
    """The entry of :data:`STRATA` that a release of ``count`` records belongs to."""
    bounds = (1, 3, 10)
    return STRATA[sum(count > bound for bound in bounds)]


def strata_rows(assessments: Iterable[Assessment]) -> list[Row]:
    """Rows of ``strata``: results of every attack whose secret says, by the metric ``count``, how many records are
    behind the release that a record is or would be in.

    A prototype of one record *is* that record's embedding, so an average over classes of all sizes hides the worst.
    Records behind no release at all (count 0) are in no stratum.
    """
    return [row for one in assessments for result in one.attacks for row in _strata(one, result)]


def _strata(row: Assessment, result: AttackResult) -> Iterator[Row]:
    counts = result.series.values("count")
    if not counts or result.scores is None or not result.metric.endswith(_METRICS) or LIVE_ALONE in result.metric:
        return
    for name in STRATA:
        wanted = {
            seed: {record for record, count in rows.items() if count >= 1 and stratum(count) == name}
            for seed, rows in counts.items()
        }
        advantage = _advantage(row, result, wanted)
        yield {
            "suite": row.suite,
            "entry": row.entry,
            "submission": row.submission,
            "point": row.point,
            "attack": result.series.name,
            "variant": result.series.variant,
            "coalition": result.series.coalition or "server",
            "secret": result.series.secret,
            "metric": result.metric,
            "stratum": name,
            "n": sum(len(_on(result.scores, wanted).values.get(seed, {})) for seed in counts),
            "value": advantage.score if advantage else None,
            "value_low": advantage.score_low if advantage else None,
            "value_high": advantage.score_high if advantage else None,
            "floor": advantage.floor if advantage else None,
        }


def _advantage(row: Assessment, result: AttackResult, wanted: Wanted) -> score.Advantage | None:
    """The attack over its blind floor on these records alone; None where they are too few or of one class."""
    if result.scores is None or result.floor is None:
        return None
    attack, floor = _on(result.scores, wanted), _on(result.floor, wanted)
    if not attack.values:
        return None
    labels = attack.labels or {}
    if attack.labels is not None and len({label for rows in labels.values() for label in rows.values()}) < 2:
        return None
    rng = numpy_generator("strata", row.suite, row.entry)
    [measured] = score.leakage([attack], [floor], rng=rng, **ways([attack, floor])).advantages
    return None if measured.void else measured


def _on(scores: score.AttackScores, wanted: Wanted) -> score.AttackScores:
    """The same scores on some records, on the seeds that have any."""

    def restricted(rows_of: Any) -> dict[int, dict[str, Any]]:
        chosen = {s: {r: v for r, v in rows.items() if r in wanted.get(s, ())} for s, rows in rows_of.items()}
        return {seed: rows for seed, rows in chosen.items() if rows}

    labels = None if scores.labels is None else restricted(scores.labels)
    return score.AttackScores(scores.name, scores.metric, restricted(scores.values), scores.statistic, labels)
