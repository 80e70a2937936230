"""Printed tables of what ranks are made from: attacks, the same by class size, paired differences, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.export import numbers, parts
from leaderboard.export.model import Column, Table
from leaderboard.export.notes import Notes
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["attacks_table", "pairs_table", "runs_table", "strata_table"]


def attacks_table(board: Board, frame: DataFrame, request: Request) -> Table:
    """One row per entry, submission, operating point, attack, secret and metric."""
    facts, notes = parts.Facts(board, request), Notes()
    columns = [
        *facts.rows(frame, request.width),
        parts.attack(frame, facts),
        parts.texts(frame, "metric"),
    ]
    if request.width == "double":
        columns.insert(-1, parts.texts(frame, "secret"))
        columns += [parts.measure(frame, "value", request), parts.measure(frame, "floor", request, title="Floor")]
    columns += [
        parts.measure(frame, "advantage", request),
        parts.wholes(frame, "n"),
        parts.notes_column(frame, notes),
    ]
    remarks = (
        "Advantage: (value - floor) / (perfect - floor), the floor being the best blind attack's. Brackets: 95 % "
        "intervals, of advantages simultaneous over all attacks.",
    )
    found = parts.sections(frame, ["suite", "entry"], _indicative(board))
    return Table("Results of attacks.", "tab:attacks", tuple(columns), found, notes.all, remarks)


def strata_table(board: Board, frame: DataFrame, request: Request) -> Table:
    """One row per entry, submission, operating point, attack, secret, metric and stratum of class size."""
    facts = parts.Facts(board, request)
    columns = [*facts.rows(frame, request.width), parts.attack(frame, facts), parts.texts(frame, "metric")]
    if request.width == "double":
        columns.insert(-1, parts.texts(frame, "secret"))
    columns += [
        parts.texts(frame, "stratum", "Records"),
        parts.measure(frame, "value", request),
        parts.measure(frame, "floor", request, title="Floor"),
        parts.wholes(frame, "n"),
    ]
    remarks = (
        "Records: how many are behind the release that a record is or would be in; a mean of one is that record. "
        "No value where the records scored are too few or of one kind.",
    )
    found = parts.sections(frame, ["suite", "entry"], _indicative(board))
    return Table("Results of attacks by class size.", "tab:strata", tuple(columns), found, (), remarks)


def pairs_table(board: Board, frame: DataFrame, request: Request) -> Table:
    """Paired differences on shared records."""
    facts = parts.Facts(board, request)
    columns = [
        *facts.rows(frame, request.width, "a_", "A"),
        *facts.rows(frame, request.width, "b_", "B"),
        parts.measure(frame, "difference", request),
        parts.plain("p_holm", "p (Holm)", frame["p_holm"].tolist(), numbers.p_value(frame["p_holm"])),
        parts.wholes(frame, "n"),
    ]
    if request.width == "double":
        columns.insert(-2, parts.plain("p", "p", frame["p"].tolist(), numbers.p_value(frame["p"])))
    remarks = ("A minus B on shared records and seeds. Holm: corrected over all pairs of the entry and measure.",)
    found = parts.sections(frame, ["suite", "entry", "measure"], _indicative(board))
    return Table("Paired differences.", "tab:pairs", tuple(columns), found, (), remarks)


def runs_table(board: Board, frame: DataFrame, request: Request) -> Table:
    """One row per run, with what it cost."""
    facts, notes = parts.Facts(board, request), Notes()
    columns = [
        *facts.rows(frame, request.width),
        parts.wholes(frame, "seed"),
        _cost(frame, "bytes", "Wire", "B"),
        _cost(frame, "flops", "Work", "FLOP"),
    ]
    if request.width == "double":
        columns.insert(3, parts.texts(frame, "behaviour"))
        columns += [_cost(frame, "peak_memory", "Memory", "B"), _cost(frame, "wall_seconds", "Time", "s")]
        columns.append(_key(frame))
    columns.append(parts.notes_column(frame, notes))
    found = parts.sections(frame, ["suite", "entry"], _indicative(board))
    remarks = ("Work and memory are the private parties'. Wall time is shown and never ranked.",)
    return Table("Runs.", "tab:runs", tuple(columns), found, notes.all, remarks)


def _cost(frame: DataFrame, column: str, title: str, unit: str) -> Column:
    values = frame[column].tolist()
    shown, prefix = numbers.prefixed(values)
    return parts.plain(column, f"{title} ({prefix}{unit})", values, shown)


def _key(frame: DataFrame) -> Column:
    keys = frame["key"].tolist()
    return parts.plain("key", "Run", keys, [key[:8] for key in keys], numeric=False)


def _indicative(board: Board) -> list[str]:
    found = board.table("suites", columns=["suite", "indicative"])
    return sorted(found.loc[found["indicative"].fillna(False).astype(bool), "suite"])
