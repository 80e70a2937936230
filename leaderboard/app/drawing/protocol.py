"""Drawing of a protocol as SVG: the parties, what crosses the wire, and where the adversary listens."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.app.escape import hypertext

__all__ = ["Arrow", "Lane", "protocol_svg"]

_WIDTH, _TOP, _BOX, _STEP = 900, 26, 270, 58
_INK, _GREY, _BLUE, _RED = "#1c2733", "#5b6670", "#1f5f99", "#b5460a"


@dataclass(frozen=True)
class Lane:
    """One side of the wire: a title and lines below it."""

    title: str
    lines: tuple[str, ...]
    curious: bool = False


@dataclass(frozen=True)
class Arrow:
    """One transmission: ``up`` leaves the private party."""

    label: str
    detail: str = ""
    up: bool = True


def protocol_svg(private: Lane, curious: Lane, arrows: Sequence[Arrow]) -> str:
    """The drawing: private party left, curious parties right, one arrow per kind of message, a frame
    around what is seen.

    Args:
        private: the parties that hold the secrets and run the defense.
        curious: the coalition.
        arrows: transmissions from top to bottom.
    """
    height = max(_STEP * len(arrows) + 44, 20 * max(_rows(private), _rows(curious)) + 64)
    first = _TOP + (height - _STEP * len(arrows)) // 2 + 4
    inner = [
        _box(10, height, private),
        _box(_WIDTH - _BOX - 10, height, curious),
        _seen(height),
        *(_arrow(first + _STEP * index, arrow) for index, arrow in enumerate(arrows)),
    ]
    total = _TOP + height + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}" width="{_WIDTH}" height="{total}" '
        f'font-family="sans-serif" font-size="14" fill="{_INK}"><rect width="100%" height="100%" rx="6" fill="#fff"/>'
        f"{''.join(inner)}</svg>"
    )


def _rows(lane: Lane) -> int:
    return sum(len(textwrap.wrap(line, 34)) or 1 for line in lane.lines)


def _box(x: int, height: int, lane: Lane) -> str:
    colour = _RED if lane.curious else _BLUE
    text = [f'<text x="{x + 14}" y="{_TOP + 26}" font-weight="600" fill="{colour}">{hypertext(lane.title)}</text>']
    down = _TOP + 52
    for line in lane.lines:
        for part in textwrap.wrap(line, 34) or [""]:
            text.append(f'<text x="{x + 14}" y="{down}" font-size="13">{hypertext(part)}</text>')
            down += 20
    return (
        f'<rect x="{x}" y="{_TOP}" width="{_BOX}" height="{height}" rx="6" fill="#fff" stroke="{colour}" '
        f'stroke-width="1.5"/>{"".join(text)}'
    )


def _arrow(y: int, arrow: Arrow) -> str:
    start, stop = 10 + _BOX + 8, _WIDTH - _BOX - 18
    tip, sign = (stop, -1) if arrow.up else (start, 1)
    middle = (start + stop) / 2
    return (
        f'<path d="M{start} {y + 20}H{stop}" stroke="{_INK}" stroke-width="1.5"/>'
        f'<path d="M{tip} {y + 20}l{9 * sign} -5v10z" fill="{_INK}"/>'
        f'<text x="{middle}" y="{y + 13}" text-anchor="middle" font-weight="600">{hypertext(arrow.label)}</text>'
        f'<text x="{middle}" y="{y + 36}" text-anchor="middle" font-size="12" fill="{_GREY}">'
        f"{hypertext(arrow.detail)}</text>"
    )


def _seen(height: int) -> str:
    """The dashed frame around everything that the adversary sees."""
    left, width = 10 + _BOX + 22, _WIDTH - 2 * _BOX - 64
    return (
        f'<rect x="{left}" y="{_TOP}" width="{width}" height="{height}" rx="6" fill="#fdf3ee" stroke="{_RED}" '
        f'stroke-dasharray="5 4"/><text x="{_WIDTH / 2}" y="{_TOP - 7}" text-anchor="middle" font-size="12" '
        f'fill="{_RED}">seen by the adversary</text>'
    )
