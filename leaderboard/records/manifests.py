"""Manifests of submissions: those that are installed here, and those that only bundles carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import LeakboardError
from harness.plugins import Manifest, load_submission, registry

__all__ = ["Manifests", "known_manifests"]

Manifests = Mapping[str, dict[str, Any]]
"""Submission -> its manifest as plain data; with ``hash`` where its source is here."""


def known_manifests(carried: Manifests) -> dict[str, dict[str, Any]]:
    """Manifests of the submissions here, and of those that only bundles carry."""
    manifests = {name: dict(manifest) for name, manifest in carried.items()}
    for name, folder in registry.submissions().items():
        try:
            loaded = load_submission(folder)
        except LeakboardError:  # has no card; `leakboard build` and `leakboard doctor` name its problems
            continue
        manifests[name] = _document(loaded) | {"hash": loaded.hash}
    return manifests


def _document(manifest: Manifest) -> dict[str, Any]:
    wanted = set(Manifest.model_fields)
    return manifest.model_dump(mode="json", by_alias=True, include=wanted)
