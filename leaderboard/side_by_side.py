"""Scenarios side by side: one task on the same records through all of them, leakage at equal utility.

Suites of one draw alone compare so (:attr:`harness.plugins.Suite.one_draw`): their entries hold the same private
records and are scored on the same held-out texts. Utility is the task's own metric, as
:mod:`leaderboard.ranks.equal_utility` compares it; the board's is relative to what parties reach alone, which differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.assessment import FLAGS, UNRANKED
from leaderboard.ranks.equal_utility import Curve, Measured

if TYPE_CHECKING:
    from leaderboard.queries import Board

__all__ = ["KINDS", "LEVELS", "Leak", "Side", "one_draw", "sides"]

KINDS: Mapping[str, tuple[str, ...]] = {
    "texts": ("text", "batch_texts"),
    "membership": ("membership",),
    "labels": ("label",),
    "class shares": ("label_distribution", "class_presence"),
}
"""Kind of secret -> the secrets that scenarios call it by, without what stands behind a colon."""
LEVELS = (1.0, 0.9)
"""Shares of the greatest common utility at which privacy is compared."""
_UNFIT = UNRANKED - {"below_floor"}
"""Flags of rows whose numbers do not hold; the floor is about relative utility, which is not used here."""


@dataclass(frozen=True)
class Leak:
    """The strongest attack on one kind of secret of one row."""

    attack: str
    metric: str
    value: float
    floor: float
    advantage: float
    ends: tuple[float, float]
    """95 % interval of the advantage, simultaneous over the row's attacks."""


@dataclass(frozen=True)
class Side:
    """One scenario: an entry of the suite."""

    entry: str
    scenario: str
    curve: Curve
    leaks: Mapping[str, Mapping[str, Leak | None]]
    """Operating point -> kind of secret -> its strongest attack, None where attacks on it have no result; kinds that no
    attack of the entry is about are absent."""
    secrets: frozenset[str] = frozenset()
    """Kinds of secrets that the scenario has in some of its forms, whether attacked here or not."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Operating point -> why it is no point of the curve: its numbers do not hold, or there are none."""


def one_draw(board: Board) -> list[str]:
    """Suites on the board whose scenarios draw the same records, the latest version of each, as name@version."""
    from harness.assessment import suite_of  # loads torch

    latest: dict[str, str] = {}
    for label in board.choices("suite", "suites"):
        suite = suite_of(label)
        if suite is not None and suite.one_draw:
            latest[suite.name] = label
    return sorted(latest.values())


def sides(board: Board, suite: str) -> list[Side]:
    """The entries of a suite, in its order; an entry without utility or privacy has no points."""
    from harness.assessment import suite_of  # loads torch

    rows = _rows(board.board(suite=suite))
    tasks, attacks = _rows(board.tasks(suite=suite)), _rows(board.attacks(suite=suite))
    task = _common_task(tasks)
    known, secrets = suite_of(suite), _declared(board)
    order = [entry.name for entry in known.entries] if known else []
    entries = sorted(
        {row["entry"] for row in rows}, key=lambda name: (order.index(name) if name in order else 99, name)
    )
    return [
        _side(
            entry,
            [row for row in rows if row["entry"] == entry],
            [row for row in tasks if row["entry"] == entry and row["task"] == task],
            [row for row in attacks if row["entry"] == entry],
            secrets,
        )
        for entry in entries
    ]


def _side(
    entry: str,
    rows: Sequence[dict[str, Any]],
    tasks: Sequence[dict[str, Any]],
    attacks: Sequence[dict[str, Any]],
    secrets: Mapping[str, frozenset[str]],
) -> Side:
    alone = next((task["value"] for task in tasks if task["system"] == "local only"), None)
    reached = {(task["submission"], task["point"]): task for task in tasks if task["system"] in _SYSTEMS}
    points, leaks, left_out = [], {}, {}
    for row in sorted(rows, key=lambda row: (row["submission"] != "none", row["submission"], row["point"])):
        task = reached.get((row["submission"], row["point"]))
        name = "undefended" if row["submission"] == "none" else f"{row['submission']}, {row['label']}"
        if unfit := sorted(_UNFIT & set(row["flags"])):
            left_out[name] = ", ".join(FLAGS[flag][0] for flag in unfit)
            continue
        if row["status"] != "ok" or task is None or _missing(task["value"]) or _missing(row["privacy"]):
            left_out[name] = "no utility or no privacy was measured"
            continue
        points.append(
            Measured(
                name,
                float(task["value"]),
                float(row["privacy"]),
                _ends(task, "value"),
                _ends(row, "privacy"),
            )
        )
        own = [a for a in attacks if (a["submission"], a["point"]) == (row["submission"], row["point"])]
        leaks[name] = {
            kind: _strongest([a for a in own if _first(a["secret"]) in of_kind])
            for kind, of_kind in KINDS.items()
            if any(_first(a["secret"]) in of_kind for a in own)
        }
    scenario = str(rows[0]["scenario"])
    return Side(entry, scenario, Curve(tuple(points), alone), leaks, secrets.get(scenario, frozenset()), left_out)


def _declared(board: Board) -> dict[str, frozenset[str]]:
    """Scenario -> kinds of the secrets that its card names."""
    named = {str(row["scenario"]): json.loads(row["secrets"] or "{}") for row in _rows(board.scenarios())}
    return {
        scenario: frozenset(kind for kind, secrets in KINDS.items() if any(_first(s) in secrets for s in known))
        for scenario, known in named.items()
    }


_SYSTEMS = ("undefended", "defended")


def _common_task(tasks: Sequence[dict[str, Any]]) -> str | None:
    """The first task, by name, that most entries have."""
    entries: dict[str, set[str]] = {}
    for row in tasks:
        entries.setdefault(str(row["task"]), set()).add(str(row["entry"]))
    return max(sorted(entries), key=lambda name: len(entries[name]), default=None)


def _strongest(attacks: Sequence[dict[str, Any]]) -> Leak | None:
    """The attack of largest advantage among those that count, or are on secrets about all records of a party."""
    scored = [a for a in attacks if (a["counts"] or a["aggregate"]) and not _missing(a["advantage"])]
    best = max(scored, key=lambda a: (a["advantage"], a["attack"]), default=None)
    if best is None:
        return None
    ends = _ends(best, "advantage") or (best["advantage"], best["advantage"])
    return Leak(
        str(best["attack"]),
        str(best["metric"]),
        float(best["value"]),
        float(best["floor"]),
        float(best["advantage"]),
        ends,
    )


def _first(secret: object) -> str:
    """The part of a secret's name before the colon."""
    return str(secret).partition(":")[0]


def _ends(row: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return None if _missing(low) or _missing(high) else (float(low), float(high))


def _rows(frame: Any) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _missing(value: Any) -> bool:
    """True for a value of a frame that is none: None, or a NaN."""
    return value is None or bool(value != value)
