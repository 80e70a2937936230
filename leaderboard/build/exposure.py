"""Records that fall to attacks: the most exposed ones of a row, and how far attacks agree on whom they find.

A record falls to an attack where it counts for at least half of what the attack's metric asks of it: a member above the
threshold at the pinned false-positive rate, a text of which half of the tokens are recovered, a right guess.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import score
from harness.assessment import Assessment, AttackResult

__all__ = ["EXPOSED", "MOST_ATTACKS", "exposed_rows", "fallen", "overlap_rows"]

EXPOSED = 12
"""Records shown of one row."""
MOST_ATTACKS = 8
"""Attacks compared of one row, the strongest."""

Row = dict[str, Any]
Records = frozenset[tuple[int, str]]
"""Seed and id of records."""


@dataclass(frozen=True)
class _Found:
    """Records that fall to one attack, and all that could; the same of the blind guess it is measured from."""

    title: str
    coalition: str
    hits: Records
    able: Records
    blind: Records


def fallen(scores: score.AttackScores) -> tuple[Records, Records]:
    """Records that fall, and those that could: of members alone where the metric is about members."""
    hits: set[tuple[int, str]] = set()
    able: set[tuple[int, str]] = set()
    for seed, rows in scores.values.items():
        records = [record for record, value in rows.items() if value is not None and np.isfinite(value)]
        if not records:
            continue
        values = np.array([[float(rows[record])] for record in records])
        classes = (scores.labels or {}).get(seed, {})
        labels = np.array([classes.get(record, 0) for record in records], dtype=np.int64)
        x, d = scores.statistic.linear(values, labels)
        for record, gained, asked in zip(records, x[:, 0], d[:, 0], strict=True):
            if asked > 0:
                able.add((seed, record))
                if gained >= asked / 2:
                    hits.add((seed, record))
    return frozenset(hits), frozenset(able)


def _attacks(row: Assessment) -> tuple[str, list[_Found]]:
    """The metric on which the row leaks most, and what falls to its strongest attacks there, the strongest first.

    Of the variants of one attack by one coalition the stronger stands for both.
    """
    if row.leakage is None or row.leakage.strongest is None:
        return "", []
    metric = row.leakage.strongest[1]
    best: dict[tuple[str, str], AttackResult] = {}
    for result in row.attacks:
        if result.metric != metric or not result.counts or result.aggregate or result.advantage is None:
            continue
        key = result.series.name, result.series.coalition or "server"
        if key not in best or result.advantage.value > _advantage(best[key]):
            best[key] = result
    chosen = sorted(best.items(), key=lambda pair: (-_advantage(pair[1]), pair[0]))[:MOST_ATTACKS]
    return metric, [_fall(result) for _, result in chosen if result.scores is not None]


def _advantage(result: AttackResult) -> float:
    return result.advantage.value if result.advantage else -1.0


def _fall(result: AttackResult) -> _Found:
    assert result.scores is not None
    hits, able = fallen(result.scores)
    blind = fallen(result.floor)[0] if result.floor else frozenset()
    title = f"{result.series.name} {result.series.variant or ''}".strip()
    return _Found(title, result.series.coalition or "server", hits, able, blind)


def exposed_rows(assessments: Iterable[Assessment]) -> Iterator[Row]:
    """Rows of ``exposed``: of each row the records that fall to most attacks, with the names of these."""
    for row in assessments:
        metric, attacks = _attacks(row)
        falls: dict[tuple[int, str], list[str]] = {}
        for attack in attacks:
            for place in attack.hits:
                falls.setdefault(place, []).append(attack.title)
        worst = sorted(falls.items(), key=lambda item: (-len(item[1]), item[0]))[:EXPOSED]
        for (seed, record), names in worst:
            tried = sum((seed, record) in attack.able for attack in attacks)
            yield {**_keys(row), "metric": metric, "seed": seed, "record": record, "attacks": names, "tried": tried}


def overlap_rows(assessments: Iterable[Assessment]) -> Iterator[Row]:
    """Rows of ``overlap``: for each pair of a row's strongest attacks, and each by itself, what falls to them."""
    for row in assessments:
        metric, attacks = _attacks(row)
        for a, b in itertools.combinations_with_replacement(attacks, 2):
            able = a.able & b.able
            hits = a.hits & able, b.hits & able
            yield {
                **_keys(row),
                "metric": metric,
                "a": a.title,
                "b": b.title,
                "coalition": a.coalition if a.coalition == b.coalition else f"{a.coalition}, {b.coalition}",
                "n": len(able),
                "a_records": len(hits[0]),
                "b_records": len(hits[1]),
                "both": len(hits[0] & hits[1]),
                "either": len(hits[0] | hits[1]),
                "blind": len(a.blind & able),
            }


def _keys(row: Assessment) -> Row:
    return {"suite": row.suite, "entry": row.entry, "submission": row.submission, "point": row.point}
