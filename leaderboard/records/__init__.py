"""Records that a board is made from: portable bundles, stores and folders of these, read, written and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaderboard.records.collect import Collected, collect_records, fingerprint, sources
    from leaderboard.records.ingest import Ingested, ingest_records, pack_records
    from leaderboard.records.manifests import Manifests, known_manifests
    from leaderboard.records.vouched import Vouched, set_apart

__all__ = [
    "Collected",
    "Ingested",
    "Manifests",
    "Vouched",
    "collect_records",
    "fingerprint",
    "ingest_records",
    "known_manifests",
    "pack_records",
    "set_apart",
    "sources",
]

_HOMES = {
    "Collected": "leaderboard.records.collect",
    "Ingested": "leaderboard.records.ingest",
    "Manifests": "leaderboard.records.manifests",
    "Vouched": "leaderboard.records.vouched",
    "set_apart": "leaderboard.records.vouched",
    "collect_records": "leaderboard.records.collect",
    "fingerprint": "leaderboard.records.collect",
    "ingest_records": "leaderboard.records.ingest",
    "known_manifests": "leaderboard.records.manifests",
    "pack_records": "leaderboard.records.ingest",
    "sources": "leaderboard.records.collect",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that a reader of one module does not load them all."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'leaderboard.records' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
