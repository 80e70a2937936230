"""Reading what is stored about every entry, from a store or from records, with each row put together once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import Any

from harness import score
from harness.assessment.results import UNDEFENDED, EntryResults, Place, RowResults, RunRow
from harness.assessment.series import CellRow, CellScores, Series, grouped, series_of
from harness.integrity.labels import seal_of, under_seal
from harness.plugins.identity import registered_hashes, shown_name
from harness.protocol.behaviours import CENTRALISED, HONEST, KNOCKOUT, LOCAL_ONLY
from harness.store import Store
from harness.store.schema import CellRecord, Costs, RunRecord, Verdict

__all__ = ["results_of_records", "stored_results"]

_UNRANKED = ("informed", "diagnostic")
"""Roles of attacks that never rank."""


def stored_results(store: Store, keys: frozenset[str] | None = None) -> Iterator[EntryResults]:
    """Results of every (suite, entry) in the store, of the cells ``keys`` or of the latest ones."""
    stored_runs = store.query("SELECT * EXCLUDE (content, ledger, environment) FROM runs")
    runs = _named({run.key: run for run in map(_run_of_store, stored_runs)})
    everything = [
        _cell_of_store(row) for row in store.query("SELECT * EXCLUDE (content) FROM cells ORDER BY created, key")
    ]
    cells = _latest(everything, runs) if keys is None else [cell for cell in everything if cell.key in keys]
    cells = [_as_run(cell, runs) for cell in cells]
    yield from _entries(runs, cells, _stored_scores(store, [cell.key for cell in cells]))


def results_of_records(runs: Iterable[RunRecord], cells: Iterable[CellRecord]) -> list[EntryResults]:
    """Results of every (suite, entry) in records, of the latest runs and cells."""
    records = {cell.key: cell for cell in cells}
    rows = _named({run.key: _run_of_record(run) for run in runs})
    ordered = sorted(records.values(), key=lambda cell: (cell.created, cell.key))
    latest = [_as_run(cell, rows) for cell in _latest([_cell_of_record(cell) for cell in ordered], rows)]
    return _entries(rows, latest, {cell.key: _scores_of_record(records[cell.key]) for cell in latest})


def _named(runs: dict[str, RunRow]) -> dict[str, RunRow]:
    """The runs under the names that their results stand under (:func:`harness.plugins.identity.shown_name`), those of
    a sealed salt in a suite of their own: they have other texts."""
    registered = registered_hashes()
    return {
        key: replace(
            run,
            submission=shown_name(run.submission, run.submission_hash, registered),
            suite=under_seal(run.suite, seal_of(run.entitlement)),
        )
        for key, run in runs.items()
    }


def _as_run(cell: CellRow, runs: Mapping[str, RunRow]) -> CellRow:
    """The cell where its run stands, whatever its own record says of it."""
    run = runs.get(cell.run_key)
    if run is None:
        return replace(cell, submission=shown_name(cell.submission, "", registered_hashes()))
    place = {name: getattr(run, name) for name in ("suite", "entry", "submission", "point", "seed", "behaviour")}
    return replace(cell, **place)


def _entries(
    runs: Mapping[str, RunRow], cells: Sequence[CellRow], scores: Mapping[str, CellScores]
) -> list[EntryResults]:
    parts = grouped(cells, lambda cell: (cell.suite, cell.entry))
    return [_entry(suite, entry, runs, parts[suite, entry], scores) for suite, entry in sorted(parts)]


def _entry(
    suite: str, entry: str, runs: Mapping[str, RunRow], cells: Sequence[CellRow], scores: Mapping[str, CellScores]
) -> EntryResults:
    run_keys = [key for key in dict.fromkeys(cell.run_key for cell in cells) if key in runs]
    runs_of = grouped((runs[key] for key in run_keys), lambda run: Place(run.submission, run.point))
    cells_of = grouped(cells, lambda cell: Place(cell.submission, cell.point))
    rows = {
        place: _row(place, runs_of.get(place, ()), cells_of.get(place, ()), scores)
        for place in sorted({UNDEFENDED, *runs_of, *cells_of})
    }
    blinds = _of_role(cells_of.get(UNDEFENDED, ()), "blind", scores).get(HONEST, ())
    return EntryResults(
        suite,
        entry,
        rows={place: row for place, row in rows.items() if row.runs},
        undefended=rows[UNDEFENDED],
        blinds=tuple(series for series in blinds if series.secret),
        blind_tasks=tuple(series for series in blinds if not series.secret),
        run_keys=tuple(run_keys),
        cell_keys=tuple(cell.key for cell in cells),
    )


def _row(
    place: Place, runs: Sequence[RunRow], cells: Sequence[CellRow], scores: Mapping[str, CellScores]
) -> RowResults:
    honest = tuple(run for run in runs if run.behaviour == HONEST)
    tasks = _of_role(cells, "utility", scores)
    unranked = [series for role in _UNRANKED for series in _flat(_of_role(cells, role, scores))]
    return RowResults(
        place,
        runs=honest,
        attacks=_flat(_of_role(cells, "attack", scores)),
        unranked_attacks=tuple(unranked),
        tasks=tasks.get(HONEST, ()),
        knockout=tasks.get(KNOCKOUT, ()),
        local_only=tasks.get(LOCAL_ONLY, ()),
        controls=_flat(_of_role(cells, "control", scores)),
        centralised=tasks.get(CENTRALISED, ()),
        costs=_mean_costs([run.costs for run in honest if run.status == "ok"]),
        facts={name: value for cell in cells for name, value in cell.facts.items() if value},
        seconds=_mean_seconds(cells),
        n_runs=len(runs),
    )


def _of_role(cells: Iterable[CellRow], role: str, scores: Mapping[str, CellScores]) -> dict[str, tuple[Series, ...]]:
    """Behaviour -> series of one role."""
    behaviours = grouped((cell for cell in cells if cell.role == role), lambda cell: cell.behaviour)
    return {behaviour: series_of(part, scores) for behaviour, part in behaviours.items()}


def _flat(series: Mapping[str, Sequence[Series]]) -> tuple[Series, ...]:
    return tuple(item for part in series.values() for item in part)


def _mean_costs(costs: Sequence[Costs]) -> score.Costs | None:
    if not costs:
        return None

    def mean(*fields: str) -> float:
        return float(sum(getattr(cost, name) for cost in costs for name in fields)) / len(costs)

    return score.Costs(
        bytes=mean("bytes_up", "bytes_down"),
        flops=mean("private_flops"),
        peak_memory=mean("private_peak_bytes"),
        round_trips=mean("round_trips"),
    )


def _mean_seconds(cells: Iterable[CellRow]) -> dict[tuple[str, str], float]:
    attacks = grouped((cell for cell in cells if cell.role == "attack"), lambda cell: (cell.name, cell.variant))
    return {kind: sum(cell.seconds for cell in part) / len(part) for kind, part in attacks.items()}


def _latest(cells: Sequence[CellRow], runs: Mapping[str, RunRow]) -> list[CellRow]:
    """Cells of the latest run of each (entry, submission, point, seed, behaviour); the last of cells alike."""
    newest: dict[tuple[Any, ...], str] = {}
    for run in sorted(runs.values(), key=lambda run: (run.created, run.key)):
        newest[run.suite, run.entry, run.submission, run.point, run.seed, run.behaviour] = run.key
    current = set(newest.values())
    last: dict[tuple[str, ...], CellRow] = {}
    for cell in cells:
        if cell.run_key in current:
            last[cell.run_key, cell.role, *cell.kind] = cell
    return list(last.values())


def _run_of_record(run: RunRecord) -> RunRow:
    document = run.model_dump(mode="json")
    return _run({name: document[name] for name in _RUN_COLUMNS}, run.costs, document, run.environment.created)


def _run_of_store(row: Mapping[str, Any]) -> RunRow:
    documents = {name: json.loads(row[name] or "null") for name in ("parameters", "entitlement", "verdict")}
    costs = Costs(**{name: row[name] for name in Costs.model_fields})
    return _run({name: row[name] for name in _RUN_COLUMNS}, costs, documents, row["created"])


_RUN_COLUMNS = (
    "key",
    "suite",
    "entry",
    "scenario",
    "submission",
    "submission_hash",
    "point",
    "seed",
    "behaviour",
    "isolation",
    "status",
    "reason",
)


def _run(columns: Mapping[str, Any], costs: Costs, documents: Mapping[str, Any], created: str) -> RunRow:
    verdict = documents["verdict"]
    return RunRow(
        **columns,
        parameters=_sorted(documents["parameters"]),
        costs=costs,
        verdict=Verdict.model_validate(verdict) if verdict else None,
        entitlement=documents["entitlement"],
        created=created,
    )


def _sorted(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the keys of every level in order, as the store's columns have them."""
    return dict(json.loads(json.dumps(document, sort_keys=True)))


def _cell_of_record(cell: CellRecord) -> CellRow:
    columns = {name: getattr(cell, name) for name in _CELL_COLUMNS}
    return CellRow(**columns, facts=cell.model_dump(mode="json", include={"facts"})["facts"])


def _cell_of_store(row: Mapping[str, Any]) -> CellRow:
    return CellRow(**{name: row[name] for name in _CELL_COLUMNS}, facts=json.loads(row["facts"] or "{}"))


_CELL_COLUMNS = (
    "key",
    "run_key",
    "suite",
    "entry",
    "submission",
    "point",
    "seed",
    "behaviour",
    "role",
    "name",
    "variant",
    "secret",
    "coalition",
    "status",
    "reason",
    "seconds",
)


def _scores_of_record(cell: CellRecord) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for item in cell.scores:
        scores.setdefault(item.metric, {})[item.record] = nan if item.value is None else item.value
    return scores


def _stored_scores(store: Store, keys: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    scores: dict[str, dict[str, dict[str, float]]] = {}
    sql = "SELECT cell_key, record, metric, value FROM scores WHERE cell_key IN (SELECT unnest(?::VARCHAR[]))"
    for row in store.query(sql, [keys]):
        value = nan if row["value"] is None else float(row["value"])
        scores.setdefault(row["cell_key"], {}).setdefault(row["metric"], {})[row["record"]] = value
    return scores
