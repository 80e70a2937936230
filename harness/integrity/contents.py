"""Short digests of records: what a seal's log and a verification say about each of them."""

from __future__ import annotations

from collections.abc import Iterable

from harness.store.files import Record, content_hash

__all__ = ["contents", "digest"]


def digest(record: Record) -> str:
    """32 hexadecimal digits of a record's content, less what may differ between two computations of it."""
    return content_hash(record)[:32]


def contents(records: Iterable[Record]) -> dict[str, str]:
    """Key -> digest of every record, sorted by key."""
    return dict(sorted((record.key, digest(record)) for record in records))
