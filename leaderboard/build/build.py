"""Making a board from records: everything that pages and exports show is computed here, once."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.assessment import EntryResults, assess_entry, suite_of
from harness.integrity import RowFacts
from harness.plugins import registered_hashes, shown_name
from harness.store import CellRecord, RunRecord
from leaderboard.build.cards import attack_cards, scenario_cards, submission_cards, suite_cards
from leaderboard.build.diagnostics import diagnostic_rows
from leaderboard.build.epsilon_bounds import bound_rows
from leaderboard.build.examples import example_rows
from leaderboard.build.exposure import exposed_rows, overlap_rows
from leaderboard.build.progress import Say
from leaderboard.build.rows import Context, attack_rows, board_row, task_rows
from leaderboard.build.strata import strata_rows
from leaderboard.build.write import write_board
from leaderboard.ranks import attack_dcs, headline_rows, overall_rows, set_standings
from leaderboard.records import Collected, Vouched, collect_records, fingerprint, known_manifests, set_apart
from leaderboard.schema import SCHEMA_VERSION

__all__ = ["build_board"]

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]
Dcs = dict[tuple[str, str, str, int], list[tuple[str, float]]]


def build_board(
    paths: Sequence[Path], target: Path, *, first_counts: bool = False, say: Say | None = None, jobs: int = 1
) -> Path:
    """Build a board from all records under ``paths`` and swap it in at ``target``; returns the target.

    ``first_counts`` is that of :func:`leaderboard.records.collect_records`; ``say`` hears of progress; ``jobs``
    processes share the entries, where the system can fork.

    Raises:
        StoreError: unreadable or conflicting records; all are named, and the old board stays.
    """
    mark = fingerprint(paths)
    return write_board(target, _tables(collect_records(paths, first_counts=first_counts), mark, say, jobs))


def _apart(collected: Collected) -> Collected:
    """The same records under the names that they stand under: a reserved name is that of one source alone."""
    registered = registered_hashes()
    shown = {key: shown_name(run.submission, run.submission_hash, registered) for key, run in collected.runs.items()}
    runs = {key: run.model_copy(update={"submission": shown[key]}) for key, run in collected.runs.items()}
    cells = {
        key: cell.model_copy(update={"submission": shown.get(cell.run_key, cell.submission)})
        for key, cell in collected.cells.items()
    }
    return replace(collected, runs=runs, cells=cells)


def _tables(collected: Collected, mark: str, say: Say | None = None, jobs: int = 1) -> dict[str, Rows]:
    meta = _meta(collected, {run.suite for run in collected.runs.values()}, mark)
    vouched, read = Vouched(collected), collected
    collected, left_out = set_apart(collected, vouched)
    meta.append({"name": "left_out", "value": str(left_out)})
    collected = _apart(collected)
    scenarios = scenario_cards()
    known = known_manifests(collected.manifests)
    tables: dict[str, Rows] = {
        name: [] for name in ("board", "attacks", "pairs", "strata", "tasks", "exposed", "overlap")
    }
    entries = collected.entries()
    tables["bounds"] = bound_rows(_shown(collected, entries), collected.runs)
    models = {card["scenario"]: card["threat_model"] or "" for card in scenarios}
    context = Context(known, models, _by_place(tables["bounds"]), _facts(entries, collected, read, vouched))
    scores: Dcs = {}
    for done, (rows, dcs) in enumerate(_entry_tables(entries, context, jobs), start=1):
        for name, more in rows.items():
            tables[name] += more
        scores |= dcs
        if say is not None:
            say(done, len(entries), f"{entries[done - 1].suite} {entries[done - 1].entry}")
    labels = {run.suite for run in collected.runs.values()}
    tables["headline"] = headline_rows(tables["board"])
    declared = {name: manifest.get("scenarios", []) for name, manifest in known.items()}
    tables["overall"] = overall_rows(tables["board"], tables["headline"], _entries(labels), declared, scores)
    tables["runs"] = [_run(run) for run in collected.runs.values()]
    tables["cells"] = [_cell(cell) for cell in collected.cells.values()]
    tables["evidence"] = example_rows(_of_revealed(collected, read, vouched))
    tables["diagnostics"] = diagnostic_rows(collected.cells.values())
    tables["suites"], tables["scenarios"], tables["attack_cards"] = suite_cards(labels), scenarios, attack_cards()
    newest = sorted(collected.runs.values(), key=lambda run: run.environment.created)
    hashes = {run.submission: run.submission_hash for run in newest}
    tables["submissions"] = submission_cards(hashes, known, hashes)
    tables["meta"] = meta
    return tables


def _shown(collected: Collected, entries: Iterable[EntryResults]) -> list[CellRecord]:
    """The cells that rows of the board are made from: bounds of older ones are no bounds of these."""
    return [collected.cells[key] for entry in entries for key in entry.cell_keys]


def _facts(
    entries: Iterable[EntryResults], collected: Collected, read: Collected, vouched: Vouched
) -> dict[tuple[Any, ...], RowFacts]:
    """Place of a row -> facts about its latest records, as they were read."""
    runs, cells = dict[tuple[Any, ...], list[RunRecord]](), dict[tuple[Any, ...], list[CellRecord]]()
    for entry in entries:
        for key in entry.run_keys:
            runs.setdefault(_place(collected.runs[key]), []).append(read.runs[key])
        for key in entry.cell_keys:
            if (run := collected.runs.get(read.cells[key].run_key)) is not None:
                cells.setdefault(_place(run), []).append(read.cells[key])
    return {place: vouched.about(some, cells.get(place, ())) for place, some in runs.items()}


def _place(run: RunRecord) -> tuple[Any, ...]:
    return run.suite, run.entry, run.submission, run.point


def _of_revealed(collected: Collected, read: Collected, vouched: Vouched) -> list[CellRecord]:
    """The cells whose texts may be shown: those of a sealed salt are a secret until it is revealed."""
    return [
        cell
        for cell in collected.cells.values()
        if (run := read.runs.get(cell.run_key)) is not None and vouched.revealed(run)
    ]


def _by_place(rows: Rows) -> dict[tuple[Any, ...], Rows]:
    places: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        places.setdefault(tuple(row[name] for name in ("suite", "entry", "submission", "point")), []).append(row)
    return places


def _entry_tables(entries: Sequence[EntryResults], context: Context, jobs: int) -> Iterator[tuple[Tables, Dcs]]:
    """Tables and DCS of each entry, in order; by several processes that inherit the records where that is possible."""
    if jobs < 2 or len(entries) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from (_entry_table(entry, context) for entry in entries)
        return
    _INHERITED[:] = [(entry, context) for entry in entries]
    try:
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
            yield from pool.map(_inherited_table, range(len(entries)))
    finally:
        _INHERITED.clear()


_INHERITED: list[tuple[EntryResults, Context]] = []
"""Entries that forked workers find: records are large, and are not sent to them."""


def _inherited_table(position: int) -> tuple[Tables, Dcs]:
    return _entry_table(*_INHERITED[position])


def _entry_table(entry: EntryResults, context: Context) -> tuple[Tables, Dcs]:
    assessments = assess_entry(entry, suite_of(entry.suite))
    rows = [board_row(row, context) for row in assessments]
    tables: Tables = {
        "attacks": [attack for row in assessments for attack in attack_rows(row)],
        "strata": strata_rows(assessments),
        "tasks": task_rows(assessments),
        "exposed": [*exposed_rows(assessments)],
        "overlap": [*overlap_rows(assessments)],
        "pairs": set_standings(assessments, rows) if rows else [],
        "board": rows,
    }
    return tables, {(entry.suite, entry.entry, row.submission, row.point): attack_dcs(row) for row in assessments}


def _entries(labels: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The fixed scenario set of every suite that is here."""
    known = {label: suite_of(label) for label in labels}
    return {label: [(e.name, e.scenario) for e in suite.entries] for label, suite in known.items() if suite}


def _run(run: RunRecord) -> dict[str, Any]:
    document = run.model_dump(mode="json")
    costs = document["costs"]
    plain = (
        "key",
        "suite",
        "entry",
        "submission",
        "point",
        "scenario",
        "seed",
        "behaviour",
        "isolation",
        "status",
        "reason",
        "submission_hash",
        "model",
        "data",
    )
    data = ("parameters", "entitlement", "ledger", "environment")
    return {
        **{name: document[name] for name in plain},
        **{name: json.dumps(document[name], sort_keys=True) for name in data},
        "created": run.environment.created,
        "bytes": float(costs["bytes_up"] + costs["bytes_down"]),
        "flops": float(costs["private_flops"]),
        "peak_memory": float(costs["private_peak_bytes"]),
        "round_trips": float(costs["round_trips"]),
        "wall_seconds": float(costs["wall_seconds"]),
        "setup_seconds": float(costs["setup_seconds"]),
    }


def _cell(cell: CellRecord) -> dict[str, Any]:
    row = cell.model_dump(mode="json", exclude={"scores", "facts", "schema_version", "scenario"})
    metric = cell.scores[0].metric if cell.scores else None
    values = [score.value for score in cell.scores if score.metric == metric and score.value is not None]
    mean = sum(values) / len(values) if values else None
    return row | {"metric": metric, "value": mean, "n": len({score.record for score in cell.scores})}


def _meta(collected: Collected, labels: Iterable[str], mark: str) -> Rows:
    from harness.store import source_commit

    facts = {
        "schema_version": str(SCHEMA_VERSION),
        "records_hash": collected.hash(),
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
        "leakboard": _version(),
        "commit": source_commit() or "",
        "suites": ", ".join(sorted(labels)),
        "runs": str(len(collected.runs)),
        "cells": str(len(collected.cells)),
        "duplicates": str(collected.duplicates),
        "conflicts": str(len(collected.conflicts)),
        "sources": mark,
    }
    return [{"name": name, "value": value} for name, value in facts.items()]


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("leakboard")
    except metadata.PackageNotFoundError:
        return "not installed"
