"""Records on disk: files that travel, and a DuckDB database, rebuilt from them at any time, that is queried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.store.archive import Archive
    from harness.store.bundles import BUNDLE_SUFFIXES, read_bundle, write_bundle
    from harness.store.files import Files, Record, content_hash, differences
    from harness.store.provenance import environment, package_versions, source_commit
    from harness.store.schema import (
        RESULTS_VERSION,
        CellRecord,
        Costs,
        Environment,
        LedgerEntry,
        Role,
        RunRecord,
        Score,
        Status,
        Verdict,
        migrate,
    )
    from harness.store.store import Store

__all__ = [
    "BUNDLE_SUFFIXES",
    "RESULTS_VERSION",
    "Archive",
    "CellRecord",
    "Costs",
    "Environment",
    "Files",
    "LedgerEntry",
    "Record",
    "Role",
    "RunRecord",
    "Score",
    "Status",
    "Store",
    "Verdict",
    "content_hash",
    "differences",
    "environment",
    "migrate",
    "package_versions",
    "read_bundle",
    "source_commit",
    "write_bundle",
]

_ROOMS = {
    "harness.store.archive": "Archive",
    "harness.store.bundles": "BUNDLE_SUFFIXES read_bundle write_bundle",
    "harness.store.files": "Files Record content_hash differences",
    "harness.store.provenance": "environment package_versions source_commit",
    "harness.store.schema": "RESULTS_VERSION CellRecord Costs Environment LedgerEntry Role RunRecord Score Status "
    "Verdict migrate",
    "harness.store.store": "Store",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
