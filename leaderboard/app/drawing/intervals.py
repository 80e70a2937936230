"""Numbers with their intervals: as text, and as the small pictures drawn in table cells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

__all__ = ["NOT_AVAILABLE", "ends_text", "interval_pictures", "interval_text", "number_text"]

NOT_AVAILABLE = "n/a"
_LEFT, _WIDTH, _MIDDLE = 7, 88, 13
_AXIS = "<path d='M7 13H95M7 9V17M51 11V15M95 9V17' stroke='%23d3dae1' fill='none'/>"
_NOTHING = (
    "<text x='51' y='17' font-size='11' font-family='sans-serif' fill='%23707b87' text-anchor='middle'>n/a</text>"
)


def number_text(value: float | None, digits: int = 2) -> str:
    """``value`` with ``digits`` decimals, or ``n/a``; never a blank, never ``-0.00``."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    shown = f"{value:.{digits}f}"
    return shown.removeprefix("-") if float(shown) == 0 else shown


def interval_text(value: float | None, low: float | None, high: float | None, digits: int = 2) -> str:
    """``0.44 [0.31, 0.60]``; the bracket is left out where there is no interval."""
    shown = number_text(value, digits)
    ends = number_text(low, digits), number_text(high, digits)
    return shown if NOT_AVAILABLE in (shown, *ends) else f"{shown} [{ends[0]}, {ends[1]}]"


def ends_text(low: float | None, high: float | None, digits: int = 2) -> str:
    """``[0.31, 0.60]``; ``n/a`` where an end is missing."""
    ends = number_text(low, digits), number_text(high, digits)
    return NOT_AVAILABLE if NOT_AVAILABLE in ends else f"[{ends[0]}, {ends[1]}]"


def interval_pictures(
    values: Iterable[float | None], lows: Iterable[float | None], highs: Iterable[float | None], colour: str = "#1f5f99"
) -> list[str]:
    """One SVG data address per row on a common axis from 0 to 1: a dot, its interval as a bar, ticks at 0, 0.5 and 1.

    What lies outside the axis ends in an arrow head at its edge. A missing value is drawn as ``n/a``.
    """
    paint = colour.replace("#", "%23")
    return [_picture(value, low, high, paint) for value, low, high in zip(values, lows, highs, strict=True)]


def _picture(value: float | None, low: float | None, high: float | None, paint: str) -> str:
    if not _known(value):
        return _svg(_NOTHING)
    bar = _bar(low, high, paint) if _known(low) and _known(high) else ""
    return _svg(f"{_AXIS}{bar}{_dot(value, paint)}")


def _svg(inside: str) -> str:
    return (
        "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='102' height='26' "
        f"viewBox='0 0 102 26'>{inside}</svg>"
    )


def _bar(low: float, high: float, paint: str) -> str:
    start, stop = _place(low), _place(high)
    return (
        f"<rect x='{start:.1f}' y='{_MIDDLE - 3}' width='{max(stop - start, 1):.1f}' height='6' rx='2' "
        f"fill='{paint}' fill-opacity='.32'/>"
    )


def _dot(value: float, paint: str) -> str:
    if value < 0:
        return f"<path d='M1 {_MIDDLE}L8 9V17Z' fill='{paint}'/>"
    if value > 1:
        return f"<path d='M101 {_MIDDLE}L94 9V17Z' fill='{paint}'/>"
    return f"<circle cx='{_place(value):.1f}' cy='{_MIDDLE}' r='3.6' fill='{paint}'/>"


def _place(value: float) -> float:
    return _LEFT + _WIDTH * min(1.0, max(0.0, value))


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
