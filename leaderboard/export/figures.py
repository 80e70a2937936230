"""From a request for a figure to its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from leaderboard.export.forest import forest
from leaderboard.export.layers import layers
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.export.style import draw
from leaderboard.export.tradeoff import tradeoff

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from leaderboard.queries import Board

__all__ = ["figure"]

_FIGURES: Mapping[str, Callable[[Board, Request, float], Figure]] = {
    "tradeoff": tradeoff,
    "forest": forest,
    "layers": layers,
}


def figure(board: Board, request: Request, source: Provenance) -> bytes:
    """The bytes of a PDF, SVG or PNG."""
    return draw(lambda width: _FIGURES[request.what](board, request, width), request.width, request.format, source)
