"""Draws a protocol: the parties, what crosses the wire, and where the adversary listens. Pure SVG text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.app.escape import hypertext

__all__ = ["Arrow", "Lane", "protocol_svg"]

_WIDTH, _TOP, _BOX, _STEP = 860, 20, 250, 58
_INK, _GREY, _BLUE, _RED = "#1c2733", "#8a94a0", "#1f5f99", "#b5460a"


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


def protocol_svg(private: Lane, curious: Lane, arrows: Sequence[Arrow], wants: str) -> str:
    """The drawing: private party left, curious party right, one arrow per kind of message, the adversary below.

    Args:
        private: the party that holds the secrets and runs the defense.
        curious: the coalition.
        arrows: transmissions from top to bottom.
        wants: what the adversary tries to recover.
    """
    lines = max(_rows(private), _rows(curious))
    wire = _TOP + 18
    height = max(_STEP * len(arrows) + 40, 22 * lines + 64)
    bottom = _TOP + height
    below = textwrap.wrap(wants, 100) or [""]
    total = bottom + 46 + 18 * len(below)
    inner = [
        _box(10, _TOP, height, private),
        _box(_WIDTH - _BOX - 10, _TOP, height, curious),
        *(_arrow(wire + _STEP * index, arrow) for index, arrow in enumerate(arrows)),
        _adversary(bottom, below),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}" width="{_WIDTH}" height="{total}" '
        f'font-family="sans-serif" font-size="14" fill="{_INK}">{"".join(inner)}</svg>'
    )


def _rows(lane: Lane) -> int:
    return sum(len(textwrap.wrap(line, 34)) or 1 for line in lane.lines)


def _box(x: int, y: int, height: int, lane: Lane) -> str:
    colour = _RED if lane.curious else _BLUE
    text = [f'<text x="{x + 14}" y="{y + 26}" font-weight="600" fill="{colour}">{hypertext(lane.title)}</text>']
    down = y + 52
    for line in lane.lines:
        for part in textwrap.wrap(line, 34) or [""]:
            text.append(f'<text x="{x + 14}" y="{down}" font-size="13">{hypertext(part)}</text>')
            down += 20
    return (
        f'<rect x="{x}" y="{y}" width="{_BOX}" height="{height}" rx="6" fill="#fff" stroke="{colour}" '
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


def _adversary(bottom: int, lines: Sequence[str]) -> str:
    middle = _WIDTH / 2
    text = "".join(
        f'<text x="{middle}" y="{bottom + 40 + 18 * index}" text-anchor="middle" font-size="13">{hypertext(line)}</text>'
        for index, line in enumerate(lines)
    )
    return (
        f'<path d="M{middle} {bottom - 14}V{bottom + 20}" stroke="{_RED}" stroke-width="1.5" stroke-dasharray="4 3"/>'
        f'<circle cx="{middle}" cy="{bottom - 16}" r="4" fill="{_RED}"/>{text}'
    )
