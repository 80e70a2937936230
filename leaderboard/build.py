"""Making a board from records: everything that pages and exports show is computed here, once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.assessment.assess import assess_entry
from harness.assessment.controls import NEGATIVE
from harness.assessment.report import suite_of
from harness.assessment.results import Assessment, EntryResults
from harness.errors import StoreError
from harness.plugins import registry
from harness.store.schema import CellRecord, RunRecord
from leaderboard.bounds import bound_rows
from leaderboard.capability import of_attacks
from leaderboard.cards import attack_cards, manifests, scenario_cards, submission_cards, suite_cards
from leaderboard.diagnostics import diagnostic_rows
from leaderboard.evidence import evidence_rows
from leaderboard.overall import headline_rows, overall_rows
from leaderboard.queries import Board
from leaderboard.records import Collected, collect, fingerprint
from leaderboard.rows import Context, attack_rows, board_row, task_rows
from leaderboard.schema import SCHEMA_VERSION
from leaderboard.standings import standings
from leaderboard.strata import strata_rows
from leaderboard.write import write_board

__all__ = ["build_board", "current_board", "default_sources"]

Rows = list[dict[str, Any]]


def build_board(paths: Sequence[Path], target: Path, *, first_counts: bool = False) -> Path:
    """Build a board from all records under ``paths`` and swap it in at ``target``; returns the target.

    ``first_counts`` is that of :func:`leaderboard.records.collect`.

    Raises:
        StoreError: unreadable or conflicting records; all are named, and the old board stays.
    """
    mark = fingerprint(paths)
    return write_board(target, _tables(collect(paths, first_counts=first_counts), mark))


def default_sources(store: Path) -> list[Path]:
    """What a board of ``store`` is made from: the store's files, and the results that are shipped."""
    found = [store.with_suffix(".files"), registry.results()]
    return [path for path in found if path is not None and path.is_dir()]


def current_board(paths: Sequence[Path], target: Path) -> Path:
    """The board at ``target``, built if it is missing, of another version, or older than its records."""
    if target.is_file():
        try:
            meta = Board(target).meta()
        except StoreError:
            meta = {}
        if (meta.get("schema_version"), meta.get("sources")) == (str(SCHEMA_VERSION), fingerprint(paths)):
            return target
    return build_board(paths, target, first_counts=True)


def _tables(found: Collected, mark: str) -> dict[str, Rows]:
    scenarios = scenario_cards()
    known = manifests(found.manifests)
    tables: dict[str, Rows] = {name: [] for name in ("board", "attacks", "pairs", "strata", "tasks")}
    entries = found.entries()
    tables["bounds"] = bound_rows(_shown(found, entries), found.runs)
    models = {card["scenario"]: card["threat_model"] or "" for card in scenarios}
    context = Context(known, models, _by_place(tables["bounds"]))
    scores: dict[tuple[str, str, str, int], list[tuple[str, float]]] = {}
    for entry in entries:
        for made in _add_entry(tables, entry, context):
            scores[entry.suite, entry.entry, made.submission, made.point] = of_attacks(made)
    labels = {run.suite for run in found.runs.values()}
    tables["headline"] = headline_rows(tables["board"])
    declared = {name: manifest.get("scenarios", []) for name, manifest in known.items()}
    tables["overall"] = overall_rows(tables["board"], tables["headline"], _entries(labels), declared, scores)
    tables["runs"] = [_run(run) for run in found.runs.values()]
    tables["cells"] = [_cell(cell) for cell in found.cells.values()]
    tables["evidence"] = evidence_rows(found.cells.values())
    tables["diagnostics"] = diagnostic_rows(found.cells.values())
    tables["suites"], tables["scenarios"], tables["attack_cards"] = suite_cards(labels), scenarios, attack_cards()
    newest = sorted(found.runs.values(), key=lambda run: run.environment.created)
    hashes = {run.submission: run.submission_hash for run in newest}
    tables["submissions"] = submission_cards(hashes, known, hashes)
    tables["meta"] = _meta(found, labels, mark)
    return tables


def _shown(found: Collected, entries: Iterable[EntryResults]) -> list[CellRecord]:
    """The cells that rows of the board are made from: bounds of older ones are no bounds of these."""
    return [found.cells[key] for entry in entries for key in entry.cell_keys]


def _by_place(rows: Rows) -> dict[tuple[Any, ...], Rows]:
    places: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        places.setdefault(tuple(row[name] for name in ("suite", "entry", "submission", "point")), []).append(row)
    return places


def _add_entry(tables: dict[str, Rows], entry: EntryResults, context: Context) -> list[Assessment]:
    negatives = {name for name, manifest in context.manifests.items() if manifest.get("control") == NEGATIVE}
    made = assess_entry(entry, suite_of(entry.suite), negatives=negatives)
    rows = [board_row(row, context) for row in made]
    tables["attacks"] += [attack for row in made for attack in attack_rows(row)]
    tables["strata"] += strata_rows(made)
    tables["tasks"] += task_rows(made)
    if rows:
        tables["pairs"] += standings(made, rows)
    tables["board"] += rows
    return made


def _entries(labels: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The fixed scenario set of every suite that is here."""
    known = {label: suite_of(label) for label in labels}
    return {label: [(e.name, e.scenario) for e in suite.entries] for label, suite in known.items() if suite}


def _run(run: RunRecord) -> dict[str, Any]:
    document = run.model_dump(mode="json")
    costs = document["costs"]
    plain = ("key", "suite", "entry", "submission", "point", "scenario", "seed", "behaviour", "isolation", "status",
             "reason", "submission_hash", "model", "data")  # fmt: skip
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


def _meta(found: Collected, labels: Iterable[str], mark: str) -> Rows:
    from harness.store.provenance import source_commit

    facts = {
        "schema_version": str(SCHEMA_VERSION),
        "records_hash": found.hash(),
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
        "leakboard": _version(),
        "commit": source_commit() or "",
        "suites": ", ".join(sorted(labels)),
        "runs": str(len(found.runs)),
        "cells": str(len(found.cells)),
        "duplicates": str(found.duplicates),
        "conflicts": str(len(found.conflicts)),
        "sources": mark,
    }
    return [{"name": name, "value": value} for name, value in facts.items()]


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("leakboard")
    except metadata.PackageNotFoundError:
        return "not installed"
