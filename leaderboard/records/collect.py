"""Collecting records from stores' files, bundles and folders: duplicates are recognised, conflicts refused.

Seals and verifications that stand beside them are read as well. Whoever chooses the sources trusts these.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.assessment import EntryResults, results_of_records
from harness.errors import LeakboardError, SealError, StoreError
from harness.integrity import (
    SEAL_SUFFIX,
    VERIFICATION_SUFFIX,
    Seal,
    Verification,
    joined,
    read_seal,
    read_verification,
)
from harness.store import BUNDLE_SUFFIXES, CellRecord, Files, Record, RunRecord, content_hash, differences, read_bundle

__all__ = ["CLAIMED", "VOUCHERS", "Collected", "collect_records", "fingerprint", "read_voucher", "sources"]

_BESIDE = (SEAL_SUFFIX, VERIFICATION_SUFFIX)
_SHELVES = ("runs/??/*.gz", "cells/??/*.gz", "manifests/*.json", "vouchers/*.json", "claimed/*.json")

_SUITE = re.compile(r"[^\s@]+@[^\s@]+")
"""What follows a blank in the name of a suite is the board's word (:mod:`harness.integrity.labels`), no record's."""

CLAIMED = "claimed"
"""Shelf of a store with the keys and digests of records that came from elsewhere."""
VOUCHERS = "vouchers"
"""Shelf of a store with seals and verifications."""


@dataclass
class Collected:
    """Records by key, each once, with the manifests that came with them."""

    runs: dict[str, RunRecord] = field(default_factory=dict)
    cells: dict[str, CellRecord] = field(default_factory=dict)
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    duplicates: int = 0
    conflicts: list[str] = field(default_factory=list)
    seals: dict[str, Seal] = field(default_factory=dict)
    """Commitment -> the longest log of it."""
    verifications: list[Verification] = field(default_factory=list)
    claimed: dict[str, str] = field(default_factory=dict)
    """Key -> digest of the records that a store took over from elsewhere."""

    def add(self, record: Record, where: Path) -> None:
        """Take a record over, count it as a duplicate, or note a conflict."""
        if not _SUITE.fullmatch(record.suite):
            self.conflicts.append(f"{where}: {record.key} is of suite {record.suite!r}; a suite is name@version")
            return
        known = self._known(record)
        if known is record:
            return
        if content_hash(known) == content_hash(record):
            self.duplicates += 1
            return
        fields = ", ".join(differences(known, record))
        kind = "run" if isinstance(record, RunRecord) else "cell"
        self.conflicts.append(f"{where}: {kind} {record.key} ({_words(record)}) differs in {fields}")

    def _known(self, record: Record) -> Record:
        """The record of that key, which is now this one if there was none."""
        if isinstance(record, RunRecord):
            return self.runs.setdefault(record.key, record)
        return self.cells.setdefault(record.key, record)

    def vouch(self, voucher: Seal | Verification) -> None:
        """Take a seal or a verification over; :class:`SealError` on two histories of one seal."""
        if isinstance(voucher, Verification):
            if voucher not in self.verifications:
                self.verifications.append(voucher)
            return
        known = self.seals.get(voucher.commitment)
        self.seals[voucher.commitment] = joined(known, voucher) if known else voucher

    def all(self) -> list[Record]:
        """Runs, then cells."""
        return [*self.runs.values(), *self.cells.values()]

    def hash(self) -> str:
        """SHA-256 over the content of all records, whatever their order and source."""
        parts = sorted(content_hash(r) for r in self.all())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def entries(self) -> list[EntryResults]:
        """Results of every (suite, entry), of the latest runs and cells."""
        return results_of_records(self.runs.values(), self.cells.values())


def collect_records(paths: Iterable[Path], *, first_counts: bool = False) -> Collected:
    """All records under ``paths``: bundles, stores' ``.files`` folders, databases of stores, folders of these.

    ``first_counts``: of records with one key and different content the one found first counts, as where the shipped
    results stand behind what was computed on this machine; :attr:`Collected.conflicts` lists the others.

    Raises:
        StoreError: what cannot be read, and conflicts unless ``first_counts``, all in one message.
    """
    collected = Collected()
    problems: list[str] = []
    for source in sources(paths, problems):
        try:
            _read(source, collected)
        except (StoreError, SealError) as error:
            problems.append(str(error))
    refused = [] if first_counts else collected.conflicts
    if problems or refused:
        problem_list = "\n  - ".join([*problems, *refused])
        raise StoreError(f"{len(problems)} unreadable and {len(refused)} conflicting:\n  - {problem_list}")
    return collected


def sources(paths: Iterable[Path], problems: list[str] | None = None) -> list[Path]:
    """The bundles and store folders that ``paths`` mean, sorted; what is none of these goes to ``problems``."""
    places: dict[Path, None] = {}
    for path in paths:
        inside = _inside(path.absolute())
        if not inside and problems is not None:
            problems.append(f"{path}: no bundle ({', '.join(BUNDLE_SUFFIXES)}), no store, and no folder with any")
        places |= dict.fromkeys(inside)
    return list(places)


def _inside(path: Path) -> list[Path]:
    if path.suffix == ".duckdb":
        path = path.with_suffix(".files")
    if path.is_file():
        return [path] if path.name.endswith((*BUNDLE_SUFFIXES, *_BESIDE)) else []
    if path.is_dir() and (path.suffix == ".files" or (path / "runs").is_dir() or (path / "cells").is_dir()):
        return [path]
    bundles = [file for suffix in (*BUNDLE_SUFFIXES, *_BESIDE) for file in path.rglob(f"*{suffix}")]
    return sorted([*bundles, *(folder for folder in path.glob("*.files") if folder.is_dir())])


def fingerprint(paths: Sequence[Path]) -> str:
    """A hash of names, sizes and times, which changes when a source gets, loses or changes a file; nothing is read."""
    parts = []
    for source in sources(paths):
        files = [source] if source.is_file() else [f for s in _SHELVES for f in source.glob(s)]
        for file in files:
            state = file.stat()
            parts.append(f"{file}:{state.st_size}:{state.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def read_voucher(path: Path) -> Seal | Verification:
    """The seal or verification in a file; :class:`SealError` or :class:`StoreError` if it is none."""
    return read_seal(path) if path.name.endswith(SEAL_SUFFIX) else read_verification(path)


def _read(source: Path, collected: Collected) -> None:
    if source.name.endswith(_BESIDE):
        collected.vouch(read_voucher(source))
        return
    if source.is_file():
        records, manifest = read_bundle(source)
        if manifest:
            collected.manifests[str(manifest.get("name"))] = manifest
        for record in records:
            collected.add(record, source)
        return
    files, damaged = Files(source), list[str]()
    try:
        collected.manifests |= files.manifests()
    except StoreError as error:
        damaged.append(str(error))
    for shelf in ("runs", "cells"):
        for key in files.keys(shelf):
            try:
                collected.add(files.read(shelf, key), source)
            except StoreError as error:
                damaged.append(str(error))
    for path in sorted((source / VOUCHERS).glob("[!.]*.json")):
        try:
            collected.vouch(read_voucher(path))
        except LeakboardError as error:
            damaged.append(str(error))
    for path in sorted((source / CLAIMED).glob("[!.]*.json")):
        try:
            collected.claimed |= {str(key): str(value) for key, value in json.loads(path.read_bytes()).items()}
        except (OSError, ValueError, AttributeError) as error:
            damaged.append(f"{path} is damaged ({error}); restore it: it says which records are only claimed")
    if damaged:
        raise StoreError("\n  - ".join(damaged))


def _words(record: Record) -> str:
    what = record.behaviour if isinstance(record, RunRecord) else f"{record.name} {record.variant}".strip()
    return f"{record.suite}, {record.entry}, {record.submission} point {record.point}, seed {record.seed}, {what}"
