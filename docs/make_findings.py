"""Tables of findings, side by side, quickstart and README, rendered from the records in ``results/``.

No figure of these tables is typed: the script builds a board from the shipped records, as ``leakboard build`` does, and
writes its rows between the markers of the pages, and the figure of the second. ``--check`` computes nothing: it says
whether the pages were made from the records that are there now and were not edited by hand since.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from leaderboard.queries import Board
    from leaderboard.side_by_side import Leak, Side

__all__ = ["check", "digest", "main", "rendered"]

RESULTS = ROOT / "results"
BOARD = ROOT / "build" / "findings.board.duckdb"
PAGES = {
    "findings": ROOT / "docs" / "findings.md",
    "side-by-side": ROOT / "docs" / "side-by-side.md",
    "headline": ROOT / "README.md",
    "times": ROOT / "docs" / "quickstart.md",
}
"""Name of a block -> the page that holds it."""

HEADLINE = "standard-small"
"""The suite whose table README shows: the one with five seeds, whose ranks count."""

FIGURE = ROOT / "docs" / "side-by-side.svg"
"""Privacy at equal utility, drawn where a suite of one draw is among the records."""

_BLOCK = r"<!-- {name}: begin [^>]*-->\n(?P<text>.*?)<!-- {name}: end -->"
_MEMBERSHIP = re.compile(r"membership \((?P<who>canaries|average)\) (?P<what>AUC|TPR at .*)")


def open_results() -> Board:
    """The board of the shipped records; built where it is missing or older than they are.

    The one place of this script that knows where the board's code lives.
    """
    from leaderboard.build import current_board
    from leaderboard.queries import open_board

    BOARD.parent.mkdir(exist_ok=True)
    return open_board(current_board([RESULTS], BOARD))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages' tables, or check that they are up to date; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages fit the records")
    if parser.parse_args(arguments).check:
        problems = check()
        sys.stderr.write("\n".join(problems or ["the tables fit the records"]) + "\n")
        return bool(problems)
    board = open_results()
    records = digest()
    blocks = {
        "findings": findings(board),
        "side-by-side": side_by_side(board),
        "headline": headline(board),
        "times": times(),
    }
    for name, lines in blocks.items():
        text, page = "\n".join(lines), PAGES[name]
        page.write_text(_with_block(page.read_text(encoding="utf-8"), name, f"{text}\n", records), encoding="utf-8")
    _draw(board)
    return 0


def _draw(board: Board) -> None:
    """Write the figure, without the day, so that the same records give the same file; remove one of no records."""
    from leaderboard.export import Request
    from leaderboard.export.render import render
    from leaderboard.side_by_side import one_draw

    suites = tuple(one_draw(board))
    FIGURE.unlink(missing_ok=True)
    if suites:
        FIGURE.write_bytes(render(board, Request("equal-utility", "svg", suites)))


def check() -> list[str]:
    """Sentences about pages whose tables do not fit the records, or were edited; empty when all is well."""
    records = digest()
    problems = []
    for name, page in PAGES.items():
        text = page.read_text(encoding="utf-8")
        block = rendered(text, name)
        if _with_block(text, name, block, records) != text:
            where = page.relative_to(ROOT)
            problems.append(f"{where}: the table is not of these records, or was edited; run `make findings`")
    return problems


def digest() -> str:
    """Hash of the shipped records: the bundles' names and bytes."""
    total = hashlib.sha256()
    for file in sorted(RESULTS.rglob("*.jsonl.gz")):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(RESULTS).as_posix()} {content}\n".encode())
    return total.hexdigest()[:16]


def rendered(page: str, name: str) -> str:
    """The text between the markers of a block."""
    match = re.search(_BLOCK.format(name=name), page, flags=re.DOTALL)
    if match is None:
        raise SystemExit(f"the page has no block {name}: <!-- {name}: begin --> ... <!-- {name}: end -->")
    return match["text"]


def findings(board: Board) -> Iterator[str]:
    """The tables of every shipped suite."""
    suites = board.suites()
    for suite in _rows(suites):
        label = str(suite["suite"])
        yield f"### {label}\n"
        if suite["known"]:
            yield f"{suite['title']}. {suite['summary']}\n"
        else:
            yield "An earlier version of the suite: its file is in the history, its records are shipped.\n"
        if suite["indicative"] in (True, None) or suite["indicative"] != suite["indicative"]:
            yield "Ranks are indicative: too few seeds or records.\n"
        yield from _references(board, label)
        yield from _membership(board, label)
        yield from _other_secrets(board, label)
        yield from _defenses(board, label)


def headline(board: Board) -> Iterator[str]:
    """README's table: an entry a row, an operating point of Gaussian noise a column, privacy / utility."""
    rows = board.board(submissions=["none", "gaussian_noise"])
    rows = rows[rows["suite"].str.startswith(f"{HEADLINE}@")].sort_values(["entry", "submission", "point"])
    points = rows[rows["submission"] == "gaussian_noise"]["label"].drop_duplicates().tolist()
    lines = []
    for entry, group in rows.groupby("entry", sort=True):
        by_label = {row["label"]: row for row in _rows(group)}
        shown = [by_label[label] for label in points]
        cells = [f"{_interval(row, 'privacy')} / {_number(row['utility'])}" for row in shown]
        lines.append([str(entry), *cells])
    return _table(["entry", *points], lines)


def side_by_side(board: Board) -> Iterator[str]:
    """Scenarios that do one task on the same records: what each leaks undefended, and at equal utility."""
    from leaderboard.side_by_side import one_draw, sides

    suites = one_draw(board)
    if not suites:
        yield "There are no records of such a suite here yet.\n"
    for suite in suites:
        known = sides(board, suite)
        yield f"### {suite}\n"
        yield from _undefended_sides(known)
        yield from _equal_sides(known)
    if suites:
        yield f"![Privacy against accuracy, a curve for each scenario]({FIGURE.name})\n"


def _undefended_sides(known: Sequence[Side]) -> Iterator[str]:
    """Accuracy and, by kind of secret, the strongest attack's advantage over a blind guess."""
    from leaderboard.side_by_side import KINDS

    yield "Undefended. Advantage of the strongest attack over the best blind guess, by what is guessed:\n"
    lines, details = [], []
    for side in known:
        bare = next((point for point in side.curve.points if point.name == "undefended"), None)
        if bare is None:
            reason = f"left out: {side.left_out.get('undefended', 'no record')}"
            lines.append([side.entry, side.scenario, reason, _number(side.curve.alone), *("" for _ in KINDS)])
            continue
        leaks = side.leaks["undefended"]
        cells = [_leak(leaks, kind, kind in side.secrets) for kind in KINDS]
        alone = _number(side.curve.alone)
        lines.append([side.entry, side.scenario, _with_ends(bare.utility, bare.utility_ends), alone, *cells])
        raw = [(kind, leak) for kind, leak in leaks.items() if leak is not None]
        details += [[side.entry, k, one.attack, one.metric, _number(one.value), _number(one.floor)] for k, one in raw]
    yield from _table(["entry", "scenario", "accuracy", "alone", *KINDS], lines)
    yield "The attacks behind it, by their own metrics:\n"
    yield from _table(["entry", "kind", "attack", "metric", "value", "blind floor"], details)


def _leak(leaks: Mapping[str, Leak | None], kind: str, declared: bool) -> str:
    if kind not in leaks:
        return "no attack" if declared else "does not apply"
    leak = leaks[kind]
    return "n/a" if leak is None else _with_ends(leak.advantage, leak.ends)


def _equal_sides(known: Sequence[Side]) -> Iterator[str]:
    """Privacy of each scenario's best operating point of at least the common utility."""
    from leaderboard.ranks.equal_utility import best_at, common_level
    from leaderboard.side_by_side import LEVELS

    level = common_level({side.entry: side.curve for side in known})
    if level is None:
        return
    yield "At equal utility: of each scenario the operating point of largest privacy with at least that accuracy.\n"
    lines = []
    for side in known:
        cells = [str(len(side.curve.points))]
        for share in LEVELS:
            point = best_at(side.curve, share * level)
            text = "not reached" if point is None else f"{_with_ends(point.privacy, point.privacy_ends)} ({point.name})"
            cells.append(text)
        remarks = [] if side.curve.pays or not side.curve.points else ["no better than alone, sets no level"]
        remarks += [f"left out: {name} ({why})" for name, why in side.left_out.items()]
        lines.append([side.entry, *cells, "; ".join(remarks)])
    titles = [f"privacy at accuracy {_number(share * level)}" for share in LEVELS]
    yield from _table(["entry", "points measured", *titles, "remark"], lines)


def times() -> Iterator[str]:
    """Quickstart's table: minutes that the cells and runs of each shipped suite took."""
    from leaderboard.records import collect_records

    collected = collect_records([RESULTS])
    spent: dict[str, dict[tuple[str, int], float]] = {}
    for cell in collected.cells.values():
        rows = spent.setdefault(cell.suite, {})
        row = (cell.submission, cell.point)
        rows[row] = rows.get(row, 0.0) + cell.seconds
    for run in collected.runs.values():
        seconds = run.costs.wall_seconds + run.costs.setup_seconds
        spent[run.suite][run.submission, run.point] = spent[run.suite].get((run.submission, run.point), 0.0) + seconds
    lines = []
    for suite, rows in sorted(spent.items()):
        defended = [seconds for (name, _), seconds in rows.items() if name != "none"]
        each = sum(defended) / len(defended) / 60 if defended else None
        bare = rows.get(("none", 0))
        lines.append([f"`{suite}`", *(_minutes(value) for value in (bare and bare / 60, each))])
    return _table(["suite", "undefended, minutes", "an operating point of a defense, minutes"], lines)


def _minutes(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}"


def _references(board: Board, suite: str) -> Iterator[str]:
    """What the tasks reach undefended, without sharing, and with all data in one place."""
    frame = board.tasks(suite=suite, submissions="none")
    systems = [name for name in ("undefended", "local only", "centralised") if name in set(frame["system"])]
    lines = []
    for (entry, task), group in frame.groupby(["entry", "task"], sort=True):
        by_system = {row["system"]: row for row in _rows(group)}
        cells = [_interval(by_system[name], "value") if name in by_system else "" for name in systems]
        lines.append([str(entry), str(task), *cells])
    if lines:
        yield "Utility tasks, raw means:\n"
        yield from _table(["entry", "task", *systems], lines)


def _with_metric(board: Board, suite: str) -> Iterator[dict[str, Any]]:
    """Rows of attacks on the undefended system; void ones have no metric and are left out."""
    return (row for row in _rows(board.attacks(suite=suite, submissions="none")) if isinstance(row["metric"], str))


def _membership(board: Board, suite: str) -> Iterator[str]:
    """Membership attacks on the undefended system, the better variant of each."""
    metrics: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for row in _with_metric(board, suite):
        if _MEMBERSHIP.fullmatch(row["metric"]):
            place = metrics.setdefault((row["entry"], row["coalition"], row["attack"]), {})
            if row["metric"] not in place or _larger(row, place[row["metric"]]):
                place[row["metric"]] = row
    columns = sorted({name for place in metrics.values() for name in place}, key=lambda n: ("average" in n, n))
    if not metrics:
        return
    yield "Membership, undefended:\n"
    titles = [name.removeprefix("membership ").replace("(", "").replace(")", ":") for name in columns]
    lines = [[*key, *(_number(place.get(name, {}).get("value")) for name in columns)] for key, place in metrics.items()]
    yield from _table(["entry", "who looks", "attack", *titles], sorted(lines))


def _other_secrets(board: Board, suite: str) -> Iterator[str]:
    """Every other secret of the undefended system, the better variant of each attack."""
    best: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for row in _with_metric(board, suite):
        key = (row["entry"], row["coalition"], row["metric"], row["attack"])
        if not _MEMBERSHIP.fullmatch(row["metric"]) and (key not in best or _larger(row, best[key])):
            best[key] = row
    if not best:
        return
    yield "Other secrets, undefended:\n"
    lines = [[*key, _interval(row, "value"), _number(row["floor"]), str(row["n"])] for key, row in best.items()]
    yield from _table(["entry", "who looks", "metric", "attack", "value", "blind floor", "n"], sorted(lines))


def _defenses(board: Board, suite: str) -> Iterator[str]:
    """What each defense reaches, entry by entry."""
    frame = board.board(suite=suite).sort_values(["submission", "point"])
    titles = ["defense", "operating point", "privacy", "utility", "efficiency", "PUE", "strongest attack", "flags"]
    for entry, group in frame.groupby("entry", sort=True):
        rows = _rows(group)
        if all(_missing(row["privacy"]) for row in rows):
            continue
        yield f"`{entry}`:\n"
        yield from _table(titles, [_line(row) for row in rows])


def _rows(frame: Any) -> list[dict[str, Any]]:
    """The rows of a data frame by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _line(row: dict[str, Any]) -> list[str]:
    numbers = [_number(row[name]) for name in ("efficiency", "pue")]
    flags = ", ".join(str(flag).replace("_", " ") for flag in row["flags"])
    intervals = [_interval(row, name) for name in ("privacy", "utility")]
    return [row["submission"], row["label"], *intervals, *numbers, str(row["strongest"] or ""), flags]


def _larger(row: dict[str, Any], other: dict[str, Any]) -> bool:
    return _missing(other["value"]) or (not _missing(row["value"]) and row["value"] > other["value"])


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|" + " --- |" * len(titles)
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |"
    yield ""


def _with_ends(value: float, ends: tuple[float, float] | None) -> str:
    return _number(value) if ends is None else f"{_number(value)} [{_number(ends[0])}, {_number(ends[1])}]"


def _interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if _missing(low) or _missing(high):
        return _number(row[name])
    return f"{_number(row[name])} [{_number(low)}, {_number(high)}]"


def _number(value: Any) -> str:
    return "n/a" if _missing(value) else f"{round(float(value), 2) + 0.0:.2f}"


def _missing(value: Any) -> bool:
    """Whether a value of a frame is none: None, or a NaN."""
    return value is None or bool(value != value)


def _with_block(page: str, name: str, text: str, records: str) -> str:
    """The page with another text between the markers, which hold the hashes that ``--check`` compares."""
    rendered(page, name)
    mark = f"records {records}, text {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    block = f"<!-- {name}: begin {mark} -->\n{text}<!-- {name}: end -->"
    return re.sub(_BLOCK.format(name=name), lambda _: block, page, flags=re.DOTALL)


if __name__ == "__main__":
    raise SystemExit(main())
