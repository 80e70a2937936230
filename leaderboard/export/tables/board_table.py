"""The printed board and the printed overall table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from leaderboard.export.request import Request
from leaderboard.export.tables import shared_columns
from leaderboard.export.tables.model import PrintedColumn, PrintedTable
from leaderboard.export.tables.notes import Notes

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from leaderboard.queries import Board

__all__ = ["board_table", "overall_table"]

_MARKS = (
    "Bold: the best PUE and all that is not significantly worse (group 1); underlined: the next group. "
    "Groups come from paired differences, Holm-corrected, never from the order of means."
)
_INTERVALS = "Brackets: 95 % intervals."


def board_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """One row per entry, submission and operating point, best first; the narrow form says counts below the table."""
    facts, notes, wide = shared_columns.Facts(board, request), Notes(), request.width == "double"
    indicative = set(frame.loc[frame["indicative"].astype(bool), "suite"])
    columns = [
        *facts.rows(frame, request.width),
        shared_columns.measure(frame, "privacy", request),
        shared_columns.measure(frame, "utility", request),
        *([shared_columns.measure(frame, "efficiency", request, title="Eff.")] if wide else []),
        shared_columns.measure(
            frame, "pue", request if wide else replace(request, intervals="none"), group=frame["group"]
        ),
    ]
    if wide:
        columns += [shared_columns.wholes(frame, "group"), shared_columns.texts(frame, "strongest")]
        columns += [] if _same(frame) else [_counts(frame)]
    columns.append(shared_columns.notes_column(frame, notes))
    return PrintedTable(
        f"Privacy, utility and efficiency{_with(request)}.",
        "tab:board",
        tuple(columns),
        shared_columns.sections(frame, ["suite", "entry"], sorted(indicative)),
        notes.all,
        (*_remarks(frame, request), *_indicative(indicative)),
    )


def overall_table(board: Board, frame: DataFrame, request: Request) -> PrintedTable:
    """One row per submission and operating point, over a suite's fixed set of entries."""
    facts, notes = shared_columns.Facts(board, request), Notes()
    indicative = set(frame.loc[frame["indicative"].astype(bool), "suite"])
    columns = [
        *facts.rows(frame, request.width),
        shared_columns.measure(frame, "pue", request, title="PUE"),
        shared_columns.texts(frame, "weakest"),
        shared_columns.measure(frame, "privacy_at_utility_90", request, title="P@U.9"),
    ]
    if request.width == "double":
        columns += [shared_columns.measure(frame, "gaussian_at_utility_90", request, title="Gauss.")]
        columns += [
            shared_columns.measure(frame, "hypervolume", request, title="HV"),
            shared_columns.measure(frame, "c_dcs", request),
        ]
    columns += [_covered(frame), shared_columns.notes_column(frame, notes)]
    return PrintedTable(
        "Overall scores: the minimum of PUE over the suite's entries.",
        "tab:overall",
        tuple(columns),
        shared_columns.sections(frame, ["suite"], sorted(indicative)),
        notes.all,
        (
            "P@U.9: privacy at utility 0.9 or more, the smallest over the entries; Gauss.: the same for tuned "
            "Gaussian noise. Means are not marked: no significance groups are defined across entries.",
            *_indicative(indicative),
        ),
    )


def _same(frame: DataFrame) -> bool:
    """Say whether all rows have the same records, seeds and runs, so that one sentence tells them."""
    return bool((frame[[column for _, column in _COUNTED]].nunique() <= 1).all())


def _counts(frame: DataFrame) -> PrintedColumn:
    """Records, seeds and runs of each row."""
    values = list(zip(frame["n_records"], frame["seeds"], frame["runs"], strict=True))
    return shared_columns.plain(
        "n_records", "n/seeds/runs", values, ["/".join(map(str, row)) for row in values], numeric=False
    )


def _covered(frame: DataFrame) -> PrintedColumn:
    pairs = list(zip(frame["covered"], frame["entries"], strict=True))
    return shared_columns.plain("covered", "Entries", pairs, [f"{some}/{all_}" for some, all_ in pairs], numeric=False)


def _remarks(frame: DataFrame, request: Request) -> tuple[str, ...]:
    remarks = [] if request.intervals == "none" else [_INTERVALS]
    remarks.append(_MARKS)
    if not frame.empty and (request.width == "single" or _same(frame)):
        spans = [(title, frame[column]) for title, column in _COUNTED]
        remarks.append(f"Per row: {', '.join(f'{_span(values)} {title}' for title, values in spans)}.")
    return tuple(remarks)


_COUNTED = (("records", "n_records"), ("seeds", "seeds"), ("runs", "runs"))


def _span(values: Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def _with(request: Request) -> str:
    if request.weights is None:
        return ""
    return ", PUE with weights " + ", ".join(f"{part:g}" for part in request.weights)


def _indicative(suites: set[str]) -> tuple[str, ...]:
    return (f"Ranks on {', '.join(sorted(suites))} are indicative only.",) if suites else ()
