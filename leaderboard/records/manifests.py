"""Manifests of submissions: those that are installed here, and those that only records carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import LeakboardError
from harness.plugins import load_submission, registry

__all__ = ["Manifests", "known_manifests"]

Manifests = Mapping[str, dict[str, Any]]
"""Submission -> its manifest as plain data; with ``hash`` where its source is here."""


def known_manifests(carried: Manifests) -> dict[str, dict[str, Any]]:
    """Manifests of the submissions here, and of those that only records carry."""
    manifests = {name: dict(manifest) for name, manifest in carried.items()}
    for name, folder in registry.submissions().items():
        try:
            loaded = load_submission(folder)
        except LeakboardError:  # has no card; `leakboard build` and `leakboard doctor` name its problems
            continue
        manifests[name] = loaded.document() | {"hash": loaded.hash}
    return manifests
