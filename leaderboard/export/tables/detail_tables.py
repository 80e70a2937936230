"""Printed tables behind the ranks: attacks, the same by class size, paired differences, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.export.request import Request
from leaderboard.export.tables import numbers, shared_columns
from leaderboard.export.tables.model import PrintedColumn, PrintedTable
from leaderboard.export.tables.notes import Notes

if TYPE_CHECKING:
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["attacks_table", "pairs_table", "runs_table", "strata_table"]


def attacks_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """One row per entry, submission, operating point, attack, secret and metric."""
    facts, notes = shared_columns.Facts(board, request), Notes()
    columns = [
        *facts.rows(frame, request.width),
        shared_columns.attack(frame, facts),
        shared_columns.texts(frame, "metric"),
    ]
    if request.width == "double":
        columns.insert(-1, shared_columns.texts(frame, "secret"))
        columns += [
            shared_columns.measure(frame, "value", request),
            shared_columns.measure(frame, "floor", request, title="Floor"),
        ]
    columns += [
        shared_columns.measure(frame, "advantage", request),
        shared_columns.wholes(frame, "n"),
        shared_columns.notes_column(frame, notes),
    ]
    remarks = (
        "Advantage: (value - floor) / (perfect - floor), the floor being the best blind attack's. Brackets: 95 % "
        "intervals, of advantages simultaneous over all attacks.",
    )
    sections = shared_columns.sections(frame, ["suite", "entry"], _indicative(board))
    return PrintedTable("Results of attacks.", "tab:attacks", tuple(columns), sections, notes.all, remarks)


def strata_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """One row per entry, submission, operating point, attack, secret, metric and stratum of class size."""
    facts = shared_columns.Facts(board, request)
    columns = [
        *facts.rows(frame, request.width),
        shared_columns.attack(frame, facts),
        shared_columns.texts(frame, "metric"),
    ]
    if request.width == "double":
        columns.insert(-1, shared_columns.texts(frame, "secret"))
    columns += [
        shared_columns.texts(frame, "stratum", "Records"),
        shared_columns.measure(frame, "value", request),
        shared_columns.measure(frame, "floor", request, title="Floor"),
        shared_columns.wholes(frame, "n"),
    ]
    remarks = (
        "Records: how many are behind the release that a record is or would be in; a mean of one is that record. "
        "No value where the records scored are too few or of one kind.",
    )
    sections = shared_columns.sections(frame, ["suite", "entry"], _indicative(board))
    return PrintedTable("Results of attacks by class size.", "tab:strata", tuple(columns), sections, (), remarks)


def pairs_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """Paired differences on shared records."""
    facts = shared_columns.Facts(board, request)
    columns = [
        *facts.rows(frame, request.width, "a_", "A"),
        *facts.rows(frame, request.width, "b_", "B"),
        shared_columns.measure(frame, "difference", request),
        shared_columns.plain("p_holm", "p (Holm)", frame["p_holm"].tolist(), numbers.p_value(frame["p_holm"])),
        shared_columns.wholes(frame, "n"),
    ]
    if request.width == "double":
        columns.insert(-2, shared_columns.plain("p", "p", frame["p"].tolist(), numbers.p_value(frame["p"])))
    remarks = ("A minus B on shared records and seeds. Holm: corrected over all pairs of the entry and measure.",)
    sections = shared_columns.sections(frame, ["suite", "entry", "measure"], _indicative(board))
    return PrintedTable("Paired differences.", "tab:pairs", tuple(columns), sections, (), remarks)


def runs_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """One row per run, with what it cost."""
    facts, notes = shared_columns.Facts(board, request), Notes()
    columns = [
        *facts.rows(frame, request.width),
        shared_columns.wholes(frame, "seed"),
        _cost(frame, "bytes", "Wire", "B"),
        _cost(frame, "flops", "Work", "FLOP"),
    ]
    if request.width == "double":
        columns.insert(3, shared_columns.texts(frame, "behaviour"))
        columns += [_cost(frame, "peak_memory", "Memory", "B"), _cost(frame, "wall_seconds", "Time", "s")]
        columns.append(_key(frame))
    columns.append(shared_columns.notes_column(frame, notes))
    sections = shared_columns.sections(frame, ["suite", "entry"], _indicative(board))
    remarks = ("Work and memory are the private parties'. Wall time is shown and never ranked.",)
    return PrintedTable("Runs.", "tab:runs", tuple(columns), sections, notes.all, remarks)


def _cost(frame: DataFrame, column: str, title: str, unit: str) -> PrintedColumn:
    values = frame[column].tolist()
    shown, prefix = numbers.prefixed(values)
    return shared_columns.plain(column, f"{title} ({prefix}{unit})", values, shown)


def _key(frame: DataFrame) -> PrintedColumn:
    keys = frame["key"].tolist()
    return shared_columns.plain("key", "Run", keys, [key[:8] for key in keys], numeric=False)


def _indicative(board: Board) -> list[str]:
    cards = board.table("suites", columns=["suite", "indicative"])
    return sorted(cards.loc[cards["indicative"].fillna(False).astype(bool), "suite"])
