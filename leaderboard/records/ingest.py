"""Moving records between stores and portable bundles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.store import Record, Store, write_bundle
from leaderboard.records.collect import Collected, collect_records
from leaderboard.records.manifests import known_manifests

__all__ = ["Ingested", "ingest_records", "pack_records"]


@dataclass(frozen=True)
class Ingested:
    """Numbers of records that were new to the store, and that it had."""

    new: int
    known: int


def ingest_records(paths: Sequence[Path], store: Path) -> Ingested:
    """Put all records under ``paths`` into a store, runs before cells.

    Raises:
        StoreError: unreadable records or conflicts, among each other or with the store; all are named and nothing is
            stored.
        StoreBusy: another process writes the store.
    """
    collected = collect_records(paths)
    known = collect_records([store.with_suffix(".files")]) if store.with_suffix(".files").is_dir() else Collected()
    for record in collected.all():
        known.add(record, store)
    if known.conflicts:
        raise StoreError("these records are in the store with other content:\n  - " + "\n  - ".join(known.conflicts))
    with Store.open(store) as opened:
        for name, manifest in collected.manifests.items():
            opened.put_manifest(name, manifest)
        new = sum(opened.put_run(run) for run in collected.runs.values())
        new += sum(opened.put_cell(cell) for cell in collected.cells.values())
    return Ingested(new, len(collected.runs) + len(collected.cells) - new)


def pack_records(
    store: Path, folder: Path, *, suites: Iterable[str] = (), submissions: Iterable[str] = (), parquet: bool = False
) -> dict[Path, int]:
    """Write the latest records of a store as ``folder/SUITE/SUBMISSION.jsonl.gz``; returns file -> bytes.

    Older runs of the same row are left out. Raises StoreError where nothing of what is wanted is there.
    """
    collected = collect_records([store])
    names, only = frozenset(suites), frozenset(submissions)
    cards = known_manifests(collected.manifests)
    parts: dict[tuple[str, str], list[Record]] = {}
    for record in _latest(collected):
        wanted = not names or {record.suite, record.suite.partition("@")[0]} & names
        if wanted and (not only or record.submission in only):
            parts.setdefault((record.suite, record.submission), []).append(record)
    if not parts:
        raise StoreError(f"{store} has no records of {', '.join([*names, *only]) or 'anything'} to pack")
    sizes = {}
    for (suite, submission), records in sorted(parts.items()):
        path = folder / suite / f"{submission}{'.parquet' if parquet else '.jsonl.gz'}"
        manifest = {key: value for key, value in cards.get(submission, {}).items() if key != "hash"}
        sizes[path] = write_bundle(path, records, manifest or None)
    return sizes


def _latest(collected: Collected) -> list[Record]:
    """Runs and cells that the board would show."""
    entries = collected.entries()
    runs = [collected.runs[key] for entry in entries for key in entry.run_keys]
    return [*runs, *(collected.cells[key] for entry in entries for key in entry.cell_keys)]
