"""The files of a store: one compressed JSON document per run and per cell, and the artefacts of runs.

``runs/<first two digits>/<key>.json.gz`` and ``cells/...`` are the truth that travels, with ``manifests/<name>.json``
of the submissions they are of; ``artefacts/<run key>/`` can be deleted at any time and is recomputed when needed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import StoreError
from harness.store import atomic
from harness.store.schema import CellRecord, RunRecord, migrate
from harness.util.keys import canonical

__all__ = ["Files", "Record", "content_hash", "differences", "shelf_of"]

Record = RunRecord | CellRecord

_SHELVES: Mapping[str, type[Record]] = {"runs": RunRecord, "cells": CellRecord}
_KEY = re.compile(r"[0-9a-f]{32}")
_SUBMISSION = re.compile(r"[a-z][a-z0-9_]{0,99}")
_SUFFIX = ".json.gz"

# Fields of free form.
_FREE = ("parameters", "entitlement", "facts")

# What may differ between two computations of the same key: time, memory, place, and the wording of a failure.
_VOLATILE = frozenset({"created", "environment", "seconds", "reason"})
_VOLATILE_COSTS = frozenset({"wall_seconds", "setup_seconds", "private_peak_bytes", "curious_peak_bytes"})


def shelf_of(record: Record) -> str:
    """``runs`` or ``cells``: the folder and the table of a record."""
    return "runs" if isinstance(record, RunRecord) else "cells"


def content_hash(record: Record) -> str:
    """SHA-256 of what must be equal in two computations of the same key."""
    return hashlib.sha256(_text(_lasting(record))).hexdigest()


def differences(old: Record, new: Record) -> list[str]:
    """Names of the fields that must be equal and are not."""
    left, right = _lasting(old), _lasting(new)
    return [name for name in left if left[name] != right[name]]


@dataclass(frozen=True)
class Files:
    """The folder of a store."""

    root: Path

    def path(self, shelf: str, key: str) -> Path:
        """The place of the document of ``key``, present or not; :class:`StoreError` if ``key`` is no key."""
        if not _KEY.fullmatch(key):
            raise StoreError(f"{key!r} is not a key: keys are 32 hexadecimal digits (see harness.util.keys.key)")
        return self.root / shelf / key[:2] / f"{key}{_SUFFIX}"

    def write(self, record: Record) -> None:
        """Put a record's document in place atomically."""
        content = gzip.compress(_text(_dump(record)), compresslevel=6, mtime=0)
        atomic.write_file(self.path(shelf_of(record), record.key), content)

    def read(self, shelf: str, key: str) -> Record:
        """The record of ``key``; :class:`StoreError` naming the file if it cannot be used."""
        path = self.path(shelf, key)
        try:
            document = migrate(json.loads(gzip.decompress(path.read_bytes())))
            record = _SHELVES[shelf].model_validate(document)
        except FileNotFoundError as error:
            raise StoreError(f"{path} is gone although the database has it; restore it or rebuild the store") from error
        except StoreError as error:
            raise StoreError(f"{path}: {error}") from error
        except (OSError, EOFError, zlib.error, ValueError, AttributeError, ValidationError) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreError(f"{path} is damaged ({why}); restore it, or delete it to have it recomputed") from error
        if record.key != key:
            raise StoreError(f"{path} holds the document of key {record.key}; move it to its place or delete it")
        return record

    def keys(self, shelf: str) -> Iterator[str]:
        """Keys of all documents, in order."""
        for path in sorted((self.root / shelf).glob(f"??/*{_SUFFIX}")):
            if not path.name.startswith(atomic.TEMPORARY):
                yield path.name.removesuffix(_SUFFIX)

    def write_manifest(self, name: str, manifest: Mapping[str, Any]) -> None:
        """Put the manifest of a submission beside its records; it replaces an older one of that name."""
        if not _SUBMISSION.fullmatch(name):
            raise StoreError(f"{name!r} is no name of a submission: lower-case letters, digits and underscores")
        content = json.dumps(manifest, sort_keys=True, indent=1).encode()
        path = self.root / "manifests" / f"{name}.json"
        if not path.is_file() or path.read_bytes() != content:
            atomic.write_file(path, content)

    def manifests(self) -> dict[str, dict[str, Any]]:
        """Submission -> its manifest; :class:`StoreError` naming those that cannot be used."""
        manifests, damaged = {}, []
        for path in sorted((self.root / "manifests").glob("[!.]*.json")):
            try:
                manifests[path.stem] = dict(json.loads(path.read_bytes())) | {"name": path.stem}
            except (OSError, ValueError, TypeError) as error:
                damaged.append(f"{path} is damaged ({error}); delete it: the next evaluation writes it again")
        if damaged:
            raise StoreError("\n  - ".join(damaged))
        return manifests

    def sweep(self) -> None:
        """Delete what killed writers left behind; only for the holder of the database's lock."""
        shelves = (folder for shelf in _SHELVES for folder in (self.root / shelf).glob("??"))
        for folder in (*shelves, self.root / "artefacts", self.root / "manifests"):
            atomic.sweep(folder)

    def artefacts(self, run_key: str) -> Path:
        """The place of the artefacts of a run, present or not."""
        self.path("runs", run_key)
        return self.root / "artefacts" / run_key


def _dump(record: Record) -> dict[str, Any]:
    """The document of a record; :class:`StoreError` if one of its free fields is not plain data."""
    try:
        # Pydantic would write NaN as null and sets as lists without a word.
        canonical({name: getattr(record, name) for name in _FREE if name in type(record).model_fields})
    except ValueError as error:
        raise StoreError(f"{shelf_of(record)[:-1]} {record.key} cannot be stored: {error}") from error
    return record.model_dump(mode="json")


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _lasting(record: Record) -> dict[str, Any]:
    document = {name: value for name, value in _dump(record).items() if name not in _VOLATILE}
    if "costs" in document:
        document["costs"] = {name: v for name, v in document["costs"].items() if name not in _VOLATILE_COSTS}
    return document
