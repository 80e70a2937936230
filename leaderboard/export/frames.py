"""Rows of a board that a request means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import LeakboardError, UnknownName
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["listed", "requested_rows", "requested_suites"]

_ORDERS = {
    "board": ("suite", "entry", "rank", "submission", "point"),
    "overall": ("suite", "rank", "submission", "point"),
    "attacks": ("suite", "entry", "submission", "point", "attack", "variant", "coalition", "secret", "metric"),
    "strata": (
        "suite",
        "entry",
        "submission",
        "point",
        "attack",
        "variant",
        "coalition",
        "secret",
        "metric",
        "stratum",
    ),
    "pairs": ("suite", "entry", "measure", "a_submission", "a_point", "b_submission", "b_point"),
    "runs": ("suite", "entry", "submission", "point", "behaviour", "seed", "key"),
}
"""Columns that rows are sorted by: a database answers a filtered query in any order."""


def requested_rows(board: Board, request: Request, table: str) -> DataFrame:
    """All columns of the rows that the request's filters leave, in a fixed order.

    Raises:
        UnknownName: a suite, scenario, entry or submission that the board does not have.
        LeakboardError: an operating point that no row has.
    """
    names = tuple(dict.fromkeys(name.partition("#")[0] for name in request.submission))
    _known(board, request, names)
    frame = _read(board, request, table, requested_suites(board, request), names)
    return _points(frame, request, table) if any("#" in name for name in request.submission) else frame


def listed(frame: DataFrame, column: str) -> list[Any]:
    """The values of a column as Python objects, None where there is none; reals stay as they are."""
    values = frame[column]
    if values.dtype.kind in {"f", "b"}:
        return list(values.tolist())
    return list(values.astype(object).where(values.notna(), None).tolist())


def requested_suites(board: Board, request: Request) -> list[str] | None:
    """The suites that the request means, as name@version; None for all."""
    if not request.suite:
        return None
    known = board.choices("suite", "suites")
    return [one for one in known if one in request.suite or one.partition("@")[0] in request.suite]


def _read(board: Board, request: Request, table: str, suite: list[str] | None, names: tuple[str, ...]) -> DataFrame:
    who, entry = list(names) or None, list(request.entry) or None
    wanted: dict[str, list[str] | None] = {"suite": suite, "entry": entry}
    wanted |= {"a_submission": who, "b_submission": who} if table == "pairs" else {"submission": who}
    if table == "overall":
        del wanted["entry"]
    if table in ("board", "runs"):
        wanted["scenario"] = list(request.scenario) or None
    frame = board.table(table, wanted)
    if request.scenario and table not in ("board", "runs"):
        frame = _of_scenario(board, frame, request)
    if request.weights is not None:
        from leaderboard.queries import with_weights

        frame = with_weights(frame, *request.weights)
    filtered = request.weights is not None or any(value is not None for value in wanted.values())
    return _ordered(frame, table) if filtered else frame


def _ordered(frame: DataFrame, table: str) -> DataFrame:
    """The rows in the board's order: where they are ranked, the undefended system first, as the reference."""
    order = [*_ORDERS[table]]
    if "rank" in order:
        order.insert(order.index("rank"), "defended")
    rows = frame.assign(defended=frame["submission"] != "none") if "defended" in order else frame
    return rows.sort_values(order, ignore_index=True, kind="stable")[[*frame.columns]]


def _of_scenario(board: Board, frame: DataFrame, request: Request) -> DataFrame:
    wanted = {"scenario": list(request.scenario)}
    entries = board.table("board", wanted, columns=["suite", "entry"]).drop_duplicates()
    return frame.merge(entries, on=["suite", "entry"], how="inner")


def _points(frame: DataFrame, request: Request, table: str) -> DataFrame:
    """Rows of the operating points that are asked for; both sides of a pair must be."""
    import pandas as pd

    keep = pd.Series(True, index=frame.index)
    for side in ("a_", "b_") if table == "pairs" else ("",):
        name, place = frame[f"{side}submission"], frame[f"{side}point"].astype(str)
        keep &= name.isin(request.submission) | (name + "#" + place).isin(request.submission)
    if not keep.any():
        raise LeakboardError(f"{table} has no rows of {', '.join(request.submission)}: see which points the board has")
    return frame[keep].reset_index(drop=True)


def _known(board: Board, request: Request, names: tuple[str, ...]) -> None:
    from harness.plugins import look_up

    labels = board.choices("suite", "suites") if request.suite else []
    known = {
        "suite": (request.suite, [*labels, *(label.partition("@")[0] for label in labels)]),
        "scenario": (request.scenario, board.choices("scenario") if request.scenario else []),
        "entry": (request.entry, board.choices("entry") if request.entry else []),
        "submission": (names, board.choices("submission") if names else []),
    }
    problems = []
    for kind, (asked, there) in known.items():
        for name in asked:
            try:
                look_up(dict.fromkeys(there), kind, name)
            except UnknownName as error:
                problems.append(str(error))
    if problems:
        raise UnknownName("\n".join(problems))
