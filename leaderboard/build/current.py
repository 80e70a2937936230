"""The board that is shown: the one that is there, the one that is shipped, or one that is built; the last is slow.

This module loads none of what builds, so that a board that is there opens at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.plugins import registry
from leaderboard.build.shipped import unpack
from leaderboard.queries import Board
from leaderboard.records import fingerprint
from leaderboard.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from leaderboard.build.progress import Say

__all__ = ["current_board", "default_sources"]


def default_sources(store: Path) -> list[Path]:
    """Sources of the board of ``store``: the store's files, and the results that are shipped."""
    folders = [store.with_suffix(".files"), registry.results()]
    return [path for path in folders if path is not None and path.is_dir()]


def current_board(paths: Sequence[Path], target: Path, *, say: Say | None = None, jobs: int = 1) -> Path:
    """The board at ``target``, built if it is missing, of another version, or older than its records.

    Where the shipped records are all there is, the board that is shipped with them takes its place.
    """
    if target.is_file():
        try:
            meta = Board(target).meta()
        except StoreError:
            meta = {}
        if (meta.get("schema_version"), meta.get("sources")) == (str(SCHEMA_VERSION), fingerprint(paths)):
            return target
    if [*paths] == [registry.results()] and not unpack(paths[0], target, fingerprint(paths)):
        return target
    from leaderboard.build.build import build_board

    return build_board(paths, target, first_counts=True, say=say, jobs=jobs)
