"""An entry point on the path, as an installed package leaves one."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["install"]


def install(module: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the folder ``site`` on the path, with metadata in it that name ``module`` as a plugin of leakboard."""
    metadata = site / f"{module}-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[leakboard.plugins]\n{module} = {module}\n")
    monkeypatch.syspath_prepend(str(site))
