"""The builder of a board: records in, every number that pages and exports show out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaderboard.build.build import build_board
    from leaderboard.build.current import current_board, default_sources
    from leaderboard.build.write import write_board

__all__ = ["build_board", "current_board", "default_sources", "write_board"]

_HOMES = {
    "build_board": "leaderboard.build.build",
    "current_board": "leaderboard.build.current",
    "default_sources": "leaderboard.build.current",
    "write_board": "leaderboard.build.write",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that a reader of one module does not load them all."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'leaderboard.build' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
