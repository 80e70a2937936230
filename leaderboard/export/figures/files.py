"""Files of figures, by request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from leaderboard.export.figures.equal_utility import equal_utility
from leaderboard.export.figures.forest import forest
from leaderboard.export.figures.layers import layers
from leaderboard.export.figures.style import draw
from leaderboard.export.figures.tradeoff import tradeoff
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from leaderboard.queries import Board

__all__ = ["figure_file"]

_FIGURES: Mapping[str, Callable[[Board, Request, float], Figure]] = {
    "tradeoff": tradeoff,
    "forest": forest,
    "layers": layers,
    "equal-utility": equal_utility,
}


def figure_file(board: Board, request: Request, source: Provenance) -> bytes:
    """The bytes of a PDF, SVG or PNG."""
    return draw(lambda width: _FIGURES[request.what](board, request, width), request.width, request.format, source)
