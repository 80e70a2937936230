"""Membership: was a candidate record trained on? Scored over the live run and every shadow run as a target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import ProtocolError
from harness.store.schema import Score

__all__ = ["MembershipSecret", "live_rows", "rows_by_target"]

_OF = ":"
"""Between target and candidate in the name of a score's record."""


@dataclass(frozen=True)
class MembershipSecret:
    """``labels``: candidate id -> 1 if its party trained on it.

    ``canaries`` (mislabelled or rare on purpose) are scored apart from average records.

    A guess maps candidate ids to scores, larger meaning member. Stored per target and candidate, as record
    ``"{target}:{candidate}"`` with metrics ``score``, ``label``, ``canary``; target 0 is the live run.
    """

    labels: Mapping[str, int]
    canaries: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        problems = [f"{c!r} is labelled {v!r}, not 0 or 1" for c, v in self.labels.items() if v not in (0, 1)]
        if strange := sorted(self.canaries - self.labels.keys()):
            problems.append(f"canaries without a label: {strange[:5]}")
        if problems:
            raise ProtocolError("membership: " + "; ".join(problems))

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the candidates."""
        return tuple(self.labels)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores of a guess about the live run."""
        return self.score_target(guess, 0, {c: bool(v) for c, v in self.labels.items()})

    def score_target(self, guess: Mapping[str, Any], target: int, members: Mapping[str, bool]) -> tuple[Score, ...]:
        """Scores of a guess about one target, of which ``members`` is the truth.

        Raises:
            ProtocolError: a candidate has no score, or one that is not a number (an attack that cannot tell gives
                every candidate the same score).
        """
        missing = [c for c in self.labels if c not in guess]
        odd = [c for c in self.labels if c in guess and not _is_number(guess[c])]
        if missing or odd:
            raise ProtocolError(
                f"membership guess about target {target}: {len(missing)} candidates without a score "
                f"{missing[:3]}, {len(odd)} with one that is no number {odd[:3]}"
            )
        scores = []
        for candidate in self.labels:
            record = f"{target}{_OF}{candidate}"
            values = {"score": guess[candidate], "label": members[candidate], "canary": candidate in self.canaries}
            scores += [Score(record=record, metric=name, value=float(value)) for name, value in values.items()]
        return tuple(scores)


def live_rows(scores: Iterable[Score]) -> list[Mapping[str, float]]:
    """Metrics of each candidate that has a ``score`` and a ``label``, in the live run alone.

    Scores on shadows, which stood in as targets, are left out.
    """
    return rows_by_target(scores).get(0, [])


def rows_by_target(scores: Iterable[Score]) -> dict[int, list[Mapping[str, float]]]:
    """Target (0: the live run) -> of each candidate with a ``score`` and a ``label`` its metrics there."""
    values: dict[str, dict[str, float]] = {}
    for score in scores:
        if score.value is not None:
            values.setdefault(score.record, {})[score.metric] = score.value
    rows: dict[int, list[Mapping[str, float]]] = {}
    for record, row in values.items():
        target, of, _ = record.partition(_OF)
        if of and target.isdecimal() and {"score", "label"} <= row.keys():
            rows.setdefault(int(target), []).append(row)
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
