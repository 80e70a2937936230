"""Moving records between stores and portable bundles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import StoreError
from harness.integrity import SEAL_SUFFIX, Seal, Verification, digest, seal_of, write_seal, write_verification
from harness.store import Record, RunRecord, Store, write_bundle
from harness.store.atomic import write_file
from leaderboard.records.collect import CLAIMED, VOUCHERS, Collected, collect_records
from leaderboard.records.manifests import known_manifests
from leaderboard.records.refusals import refusals
from leaderboard.records.vouched import Vouched

__all__ = ["Ingested", "ingest_records", "pack_records"]

_MOST_SHOWN = 40
"""Lines of a refusal."""


@dataclass(frozen=True)
class Ingested:
    """Numbers of records that were new to the store, and that it had."""

    new: int
    known: int
    vouchers: int = 0
    """Seals and verifications that were taken over."""


def ingest_records(
    paths: Sequence[Path],
    store: Path,
    *,
    trusted: bool = False,
    old_suites: bool = False,
    packages: Mapping[str, str] | None = None,
) -> Ingested:
    """Put all records under ``paths`` into a store, runs before cells.

    ``trusted``: they come from a job of one's own. Then seals and verifications beside them are taken over as well;
    else these are left where they are, and the store notes that the records are their sender's word. ``old_suites`` and
    ``packages`` are those of :func:`leaderboard.records.refusals.refusals`.

    Raises:
        StoreError: unreadable records or conflicts, among each other or with the store, and whatever else does not fit;
            all are named and nothing is stored.
        StoreBusy: another process writes the store.
    """
    collected = collect_records(paths)
    known = collect_records([store.with_suffix(".files")]) if store.with_suffix(".files").is_dir() else Collected()
    had = {record.key for record in known.all()}
    for record in collected.all():
        known.add(record, store)
    if known.conflicts:
        raise StoreError("these records are in the store with other content:\n  - " + "\n  - ".join(known.conflicts))
    if trusted:
        for seal in collected.seals.values():
            known.vouch(seal)
        for verification in collected.verifications:
            known.vouch(verification)
    incoming = _new(collected, had)
    if problems := refusals(incoming, Vouched(known), trusted=trusted, old_suites=old_suites, packages=packages):
        more = [f"and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        lines = "\n  - ".join([*problems[:_MOST_SHOWN], *more])
        raise StoreError(f"nothing was stored, {len(problems)} problems:\n  - {lines}")
    files = store.with_suffix(".files")
    with Store.open(store) as opened:
        for name, manifest in collected.manifests.items():
            opened.put_manifest(name, manifest)
        if trusted:
            _put_vouchers(files / VOUCHERS, collected, known)
            _lift(files / CLAIMED, collected.all())
        else:  # before the records: a kill in between must not leave them without the note
            _put_claimed(files / CLAIMED, incoming.all())
        new = sum(opened.put_run(run) for run in collected.runs.values())
        new += sum(opened.put_cell(cell) for cell in collected.cells.values())
    vouchers = len(collected.seals) + len(collected.verifications) if trusted else 0
    return Ingested(new, len(collected.runs) + len(collected.cells) - new, vouchers)


def _new(collected: Collected, had: set[str]) -> Collected:
    """The records that the store does not have yet."""
    runs = {key: run for key, run in collected.runs.items() if key not in had}
    cells = {key: cell for key, cell in collected.cells.items() if key not in had}
    return replace(collected, runs=runs, cells=cells)


def _put_claimed(folder: Path, records: Iterable[Record]) -> None:
    keys = {record.key: digest(record) for record in records}
    if keys:
        text = json.dumps(keys, sort_keys=True, indent=0).encode()
        write_file(folder / f"{hashlib.sha256(text).hexdigest()[:16]}.json", text)


def _lift(folder: Path, records: Iterable[Record]) -> None:
    """Take the note away that these very records are their sender's word."""
    believed = {record.key: digest(record) for record in records}
    for path in sorted(folder.glob("[!.]*.json")):
        noted = json.loads(path.read_bytes())
        left = {key: value for key, value in noted.items() if believed.get(key) != value}
        if left != noted:
            write_file(path, json.dumps(left, sort_keys=True, indent=0).encode())


def _put_vouchers(folder: Path, incoming: Collected, known: Collected) -> None:
    for committed in incoming.seals:
        write_seal(folder / f"{committed[:16]}{SEAL_SUFFIX}", known.seals[committed])
    for verification in incoming.verifications:
        write_verification(folder, verification)


def pack_records(
    store: Path, folder: Path, *, suites: Iterable[str] = (), submissions: Iterable[str] = (), parquet: bool = False
) -> dict[Path, int]:
    """Write the latest records of a store as ``folder/SUITE/SUBMISSION.jsonl.gz``; returns file -> bytes.

    Those of a seal go to ``folder/SUITE-SEAL/``, with the seal; verifications of what is packed stand beside it. Older
    runs of the same row are left out. Raises StoreError where nothing of what is wanted is there.
    """
    collected = collect_records([store])
    names, only = frozenset(suites), frozenset(submissions)
    cards = known_manifests(collected.manifests)
    parts: dict[tuple[str, str], list[Record]] = {}
    seals: dict[str, Seal] = {}
    for record in _latest(collected):
        wanted = not names or {record.suite, record.suite.partition("@")[0]} & names
        if wanted and (not only or record.submission in only):
            place = record.suite
            run = record if isinstance(record, RunRecord) else collected.runs.get(record.run_key)
            if run is not None and (seal := seal_of(run.entitlement)) is not None:
                place = f"{place}-{seal[:8] or 'unknown'}"
                if seal in collected.seals:
                    seals[place] = collected.seals[seal]
            parts.setdefault((place, record.submission), []).append(record)
    if not parts:
        raise StoreError(f"{store} has no records of {', '.join([*names, *only]) or 'anything'} to pack")
    sizes = {}
    for (place, submission), records in sorted(parts.items()):
        path = folder / place / f"{submission}{'.parquet' if parquet else '.jsonl.gz'}"
        manifest = {key: value for key, value in cards.get(submission, {}).items() if key != "hash"}
        sizes[path] = write_bundle(path, records, manifest or None)
        for verification in _about(collected.verifications, records):
            write_verification(path.parent, verification)
    for place, seal_of_place in seals.items():
        write_seal(folder / place / f"{seal_of_place.commitment[:16]}{SEAL_SUFFIX}", seal_of_place)
    return sizes


def _about(verifications: Iterable[Verification], records: Iterable[Record]) -> list[Verification]:
    """The verifications that are about one of these records."""
    keys = {record.key for record in records}
    return [verification for verification in verifications if keys & set(verification.records)]


def _latest(collected: Collected) -> list[Record]:
    """Runs and cells that the board would show."""
    entries = collected.entries()
    runs = [collected.runs[key] for entry in entries for key in entry.run_keys]
    return [*runs, *(collected.cells[key] for entry in entries for key in entry.cell_keys)]
