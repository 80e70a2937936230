"""Stored cells of one suite entry, put together over seeds for scoring."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from harness.score import Costs, RecordScores
from harness.store import Store

__all__ = ["Ledger", "Series", "latest", "ledgers", "read_ledger"]


@dataclass(frozen=True)
class Series:
    """One attack variant or utility task over all its seeds: scores by metric, seed and record."""

    name: str
    variant: str
    secret: str
    coalition: str
    role: str
    behaviour: str
    scores: Mapping[str, Mapping[int, Mapping[str, float]]]
    status: str
    reason: str | None

    @property
    def about(self) -> tuple[str, str, str]:
        """What a control is about: attack, secret, coalition."""
        return self.name, self.secret, self.coalition or "server"

    def values(self, metric: str) -> RecordScores:
        """seed -> record -> score of one metric, nan where undefined."""
        return self.scores.get(metric, {})

    def attribute_hits(self) -> tuple[RecordScores, dict[int, dict[str, int]]]:
        """Whether each attribute guess was right (1 or 0), and the true classes."""
        labels = {seed: {r: int(v) for r, v in rows.items()} for seed, rows in self.values("label").items()}
        guesses = self.values("score")
        hits = {
            seed: {r: float((guesses[seed][r] >= 0.5) == bool(label)) for r, label in rows.items()}
            for seed, rows in labels.items()
        }
        return hits, labels

    def mean(self, metric: str) -> float:
        """Mean over records and seeds; ``balanced_accuracy`` is the mean over classes of the hit rate."""
        if metric == "balanced_accuracy":
            hits, labels = self.attribute_hits()
            pairs = [(labels[s][r], hit) for s, rows in hits.items() for r, hit in rows.items()]
            classes = [[hit for label, hit in pairs if label == c] for c in {label for label, _ in pairs}]
            return sum(sum(c) / len(c) for c in classes) / len(classes) if classes else 0.0
        found = [v for rows in self.values(metric).values() for v in rows.values() if v == v]
        return sum(found) / len(found) if found else 0.0

    def on_seeds(self, metric: str, seeds: Collection[int]) -> RecordScores:
        """The same series on some seeds alone."""
        return {seed: rows for seed, rows in self.values(metric).items() if seed in seeds}

    def restricted(self, metric: str, like: RecordScores) -> RecordScores:
        """The same series on the records of ``like`` alone."""
        mine = self.values(metric)
        return {seed: {record: mine[seed][record] for record in rows} for seed, rows in like.items()}


@dataclass
class Ledger:
    """Everything stored about one entry of one suite."""

    suite: str
    entry: str
    cell_rows: list[dict[str, Any]] = field(default_factory=list)
    run_rows: list[dict[str, Any]] = field(default_factory=list)
    scores: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """cell key -> metric -> record -> value."""

    def points(self) -> list[tuple[str, int]]:
        """(submission, operating point) pairs with an honest run."""
        return sorted({(r["submission"], r["point"]) for r in self.run_rows if r["behaviour"] == "honest"})

    def runs(self, name: str, point: int, behaviour: str = "honest") -> list[dict[str, Any]]:
        """Run rows, one per seed."""
        return [r for r in self.run_rows if (r["submission"], r["point"], r["behaviour"]) == (name, point, behaviour)]

    def label(self, name: str, point: int) -> str:
        """Parameters of an operating point, for tables."""
        run = next(iter(self.runs(name, point)), None)
        parameters = json.loads(run["parameters"]) if run else {}
        return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in parameters.items())

    def cells(self, name: str, point: int, *, role: str, behaviour: str = "honest") -> list[Series]:
        """Cells of one kind, each put together over seeds; an error at any seed makes the series an error."""
        wanted = (name, point, role, behaviour)
        rows = [c for c in self.cell_rows if (c["submission"], c["point"], c["role"], c["behaviour"]) == wanted]
        kinds = dict.fromkeys((c["name"], c["variant"], c["secret"], c["coalition"]) for c in rows)
        return [self._series(kind, role, behaviour, rows) for kind in kinds]

    def attack_series(self, name: str, point: int, role: str = "attack") -> list[Series]:
        """Attacks on the honest run and on those that an active attacker got for itself; by default those that rank."""
        mine = [c for c in self.cell_rows if (c["submission"], c["point"], c["role"]) == (name, point, role)]
        kinds = dict.fromkeys(c["behaviour"] for c in mine)
        return [series for kind in kinds for series in self.cells(name, point, role=role, behaviour=kind)]

    def facts(self, name: str, point: int) -> dict[str, Any]:
        """Facts of all cells of a row together."""
        mine = (c["facts"] for c in self.cell_rows if (c["submission"], c["point"]) == (name, point))
        return {key: value for facts in mine if facts for key, value in json.loads(facts).items() if value}

    def entitlement(self, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the adversary was given in runs of this entry."""
        return dict(json.loads(runs[0]["entitlement"])) if runs else {}

    def utility_references(self, task: str) -> tuple[Series | None, list[Series]]:
        """The undefended series of a task, and those that utility is measured from: local-only and blind."""
        base = [c for c in self.cells("none", 0, role="utility") if c.name == task and c.status == "ok"]
        local = self.cells("none", 0, role="utility", behaviour="local_only")
        blind = [c for c in self.cells("none", 0, role="blind") if not c.secret]
        references = [c for c in (*local, *blind) if c.name == task and c.status == "ok"]
        return (base[0] if base else None), references

    def costs(self, name: str, point: int) -> Costs | None:
        """Mean costs over seeds."""
        runs = [r for r in self.runs(name, point) if r["status"] == "ok"]
        if not runs:
            return None

        def mean(*fields: str) -> float:
            return float(sum(r[f] for r in runs for f in fields)) / len(runs)

        return Costs(
            bytes=mean("bytes_up", "bytes_down"),
            flops=mean("private_flops"),
            peak_memory=mean("private_peak_bytes"),
            round_trips=mean("round_trips"),
        )

    def _series(self, kind: tuple[str, str, str, str], role: str, behaviour: str, rows: list[dict[str, Any]]) -> Series:
        mine = [c for c in rows if (c["name"], c["variant"], c["secret"], c["coalition"]) == kind]
        bad = next((c for c in mine if c["status"] != "ok"), None)
        scores: dict[str, dict[int, Mapping[str, float]]] = {}
        for cell in mine:
            for metric, values in self.scores.get(cell["key"], {}).items():
                scores.setdefault(metric, {})[cell["seed"]] = values
        status, reason = (bad["status"], bad["reason"]) if bad else ("ok", None)
        return Series(*kind, role, behaviour, scores, status, reason)


def read_ledger(store: Store, keys: frozenset[str] | None = None) -> Iterator[Ledger]:
    """One ledger per (suite, entry) in the store; of cells computed more than once the latest, or exactly ``keys``."""
    everything = store.query("SELECT * EXCLUDE (content) FROM cells ORDER BY created, key")
    runs = {r["key"]: r for r in store.query("SELECT * EXCLUDE (content, ledger, environment) FROM runs")}
    cells = latest(everything, runs) if keys is None else [c for c in everything if c["key"] in keys]
    yield from ledgers(runs, cells, _scores(store, [c["key"] for c in cells]))


def ledgers(
    runs: Mapping[str, dict[str, Any]],
    cells: Sequence[dict[str, Any]],
    scores: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[Ledger]:
    """One ledger per (suite, entry) from rows of runs (by key) and of cells, and scores by cell key."""
    found: dict[tuple[str, str], Ledger] = {}
    listed: set[str] = set()
    for cell in cells:
        ledger = found.setdefault((cell["suite"], cell["entry"]), Ledger(cell["suite"], cell["entry"], scores=scores))
        ledger.cell_rows.append(cell)
        if cell["run_key"] in runs and cell["run_key"] not in listed:
            listed.add(cell["run_key"])
            ledger.run_rows.append(runs[cell["run_key"]])
    return [found[key] for key in sorted(found)]


def latest(cells: Sequence[dict[str, Any]], runs: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Cells of the latest run of each (entry, submission, point, seed, behaviour); of doubled cells the last one."""
    newest: dict[tuple[Any, ...], str] = {}
    axes = ("suite", "entry", "submission", "point", "seed", "behaviour")
    for run in sorted(runs.values(), key=lambda r: (r["created"], r["key"])):
        newest[tuple(run[a] for a in axes)] = run["key"]
    kept = set(newest.values())
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        if cell["run_key"] in kept:
            kind = (cell["role"], cell["name"], cell["variant"], cell["secret"], cell["coalition"])
            last[cell["run_key"], *kind] = cell
    return list(last.values())


def _scores(store: Store, keys: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    sql = "SELECT cell_key, record, metric, value FROM scores WHERE cell_key IN (SELECT unnest(?::VARCHAR[]))"
    for row in store.query(sql, [keys]):
        value = nan if row["value"] is None else float(row["value"])
        found.setdefault(row["cell_key"], {}).setdefault(row["metric"], {})[row["record"]] = value
    return found
