"""A submission's way to a pull request, walked on one's own machine: folder, contract, suite, preview of ranks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import ManifestError
from harness.evaluation.contract_check import check_submission
from harness.evaluation.evaluate import evaluate
from harness.evaluation.executor import Progress
from harness.plugins import load_submission, registry
from harness.plugins.identity import check_identity
from harness.plugins.submission import EVERYWHERE, Submission
from harness.util.untrusted import one_line
from leaderboard.build import build_board
from leaderboard.queries import Board, open_board
from leaderboard.records import pack_records

__all__ = ["Submitted", "submit_folder"]

_LICENCES = ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "CC0-1.0", "Unlicense")
"""Licences under which a source may be run, shown and kept without asking."""
_NUMBERS = ("privacy", "utility", "efficiency", "pue")


@dataclass
class Submitted:
    """The outcome of ``leakboard submit``."""

    name: str
    problems: list[str] = field(default_factory=list)
    """What has to change before it can be accepted."""
    notes: list[str] = field(default_factory=list)
    """What would make it better."""
    suite: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the preview: entry, label, scores, the place among the rows that are shown, state, why not ranked."""
    files: list[Path] = field(default_factory=list)
    """Written records and summary."""


def submit_folder(
    folder: Path,
    output: Path,
    *,
    suite: str | None = None,
    isolation: str = "sandbox",
    jobs: int | None = None,
    progress: Progress,
) -> Submitted:
    """Check a submission's folder, run its contract check and a suite in the sandbox, and write what a reviewer reads.

    ``output`` gets a store, ``records/`` with the submission's records and the undefended ones, and ``summary.md``.
    Each stage is only reached where the one before left no problem.

    Raises:
        LeakboardError: of the machine, not of the submission: no sandbox, a suite that is not there, a full disk.
    """
    submitted = Submitted(folder.name)
    submission = _read(folder, submitted)
    if submission is not None and not submitted.problems:
        submitted.problems += [f"contract: {problem}" for problem in check_submission(folder, isolation)]
    if submission is not None and not submitted.problems:
        store = output / "store.duckdb"
        report = evaluate(folder, suite, store, isolation=isolation, jobs=jobs, shipped=False, progress=progress)
        submitted.suite = report.suite
        submitted.problems += [
            f"{row.entry}, {row.label or row.point}: {row.status}: {row.reason}"
            for row in report.rows
            if row.status in ("error", "void")
        ]
        submitted.files += pack_records(store, output / "records")
        submitted.rows = list(_preview(store, report.suite, submission.name))
    output.mkdir(parents=True, exist_ok=True)
    (output / "summary.md").write_text(summary(submitted), encoding="utf-8")
    submitted.files.append(output / "summary.md")
    return submitted


def _read(folder: Path, submitted: Submitted) -> Submission | None:
    try:
        submission = load_submission(folder)
        check_identity(submission)
    except ManifestError as error:
        submitted.problems += [f"folder: {problem}" for problem in error.problems]
        return None
    submitted.name = submission.name
    if not (folder / "README.md").is_file():
        submitted.problems.append(
            "folder: README.md is missing; it says what the defense does and what it was tuned on"
        )
    if submission.licence not in _LICENCES:
        submitted.problems.append(
            f"folder: licence {one_line(submission.licence)!r}; one of {', '.join(_LICENCES)} lets everybody run it"
        )
    if not submission.bibtex:
        submitted.notes.append("no bibtex: papers that use the board cannot cite its source")
    if submission.family is None:
        submitted.notes.append("no family: the board guesses one from the name")
    if submission.claim is None and not any(point.claim for point in submission.points):
        submitted.notes.append("no claim: if it adds noise, claim an epsilon and it is recomputed from the ledger")
    if EVERYWHERE not in submission.scenarios:
        left = sorted(set(registry.names("scenario")) - set(submission.scenarios))
        if left:
            submitted.notes.append(f"not made for {', '.join(left)}: overall scores take the undefended values there")
    return submission


def _preview(store: Path, suite: str, name: str) -> Iterator[dict[str, Any]]:
    """Rows of the submission among those that are shipped for the suite."""
    shipped = registry.results()
    beside = [shipped / suite] if shipped is not None and (shipped / suite).is_dir() else []
    with tempfile.TemporaryDirectory(prefix="leakboard-preview-") as scratch:
        files = store.with_suffix(".files")
        board = open_board(build_board([files, *beside], Path(scratch) / "preview.duckdb", first_counts=True))
        yield from _rows(board, suite, name)


def _rows(board: Board, suite: str, name: str) -> Iterator[dict[str, Any]]:
    frame = board.board(suite=suite)
    among = frame[frame["ranked"]].groupby("entry").size().to_dict()
    for _, row in frame[frame["submission"] == name].iterrows():
        known = {number: None if row[number] != row[number] else float(row[number]) for number in _NUMBERS}
        yield {
            "entry": row["entry"],
            "label": row["label"],
            **known,
            "rank": int(row["rank"]) if row["ranked"] and row["rank"] == row["rank"] else None,
            "among": int(among.get(row["entry"], 0)),
            "status": row["status"],
            "reason": row["reason"] if isinstance(row["reason"], str) else None,
            "flags": list(row["flags"]),
        }


def summary(submitted: Submitted) -> str:
    """The outcome in Markdown; whatever the submission wrote is escaped."""
    from leaderboard.export.formats.markdown import escape

    def shown(text: object) -> str:
        return escape(one_line(str(text)))

    lines = [f"## Submission {shown(submitted.name)}", ""]
    if submitted.problems:
        lines += ["It cannot be accepted yet:", "", *(f"- {shown(problem)}" for problem in submitted.problems), ""]
    if submitted.rows:
        heads = ("entry", "point", *_NUMBERS, "would rank", "notes")
        lines += [f"On {shown(submitted.suite)}, measured here and now; ranks are a preview:", ""]
        lines += [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        lines += [f"| {' | '.join(_cells(row, shown))} |" for row in submitted.rows] + [""]
    if submitted.notes:
        lines += ["It would be better with:", "", *(f"- {shown(note)}" for note in submitted.notes), ""]
    if not submitted.problems:
        lines += ["Nothing is missing. An official run under a sealed salt follows after the merge.", ""]
    return "\n".join(lines)


def _cells(row: dict[str, Any], shown: Any) -> Sequence[str]:
    numbers = ["-" if row[number] is None else f"{row[number]:.3f}" for number in _NUMBERS]
    rank = "-" if row["rank"] is None else f"{row['rank']} of {row['among']}"
    notes = "; ".join([*([row["reason"]] if row["reason"] else []), *row["flags"]])
    return [shown(row["entry"]), shown(row["label"]), *numbers, rank, shown(notes)]
