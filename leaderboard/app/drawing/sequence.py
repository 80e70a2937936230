"""Drawing of a protocol as a sequence in SVG: roles side by side, messages in order, seen ones in colour."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby

from leaderboard.app.escape import hypertext

__all__ = ["seen_by", "sequence_svg"]

_LANE, _LEFT, _TOP, _STEP, _BOX = 300, 130, 58, 50, 168
_INK, _GREY, _BLUE, _RED = "#1c2733", "#5b6670", "#1f5f99", "#b5460a"

Steps = Sequence[Mapping[str, str]]
"""Steps as the board stores them: sender, receiver (empty: done alone), says, kind, when."""


def seen_by(role: str, coalition: str) -> bool:
    """Say whether a coalition sees what a role sees: ``edge0`` is one of ``edges``, ``client`` one of ``clients``."""
    return role.removesuffix("s") == coalition.rstrip("0123456789")


def sequence_svg(steps: Steps, coalition: str) -> str:
    """The drawing; messages that ``coalition`` sends or receives are drawn in colour, all others grey."""
    roles = list(dict.fromkeys(role for step in steps for role in (step["sender"], step["receiver"]) if role))
    place = {role: _LEFT + _LANE // 2 + _LANE * number for number, role in enumerate(roles)}
    width, height = _LEFT + _LANE * len(roles) + 10, _TOP + _STEP * len(steps) + 16
    inner = [
        *(_lifeline(role, x, height, seen_by(role, coalition)) for role, x in place.items()),
        *_loops(steps, width),
        *(_row(step, place, _TOP + _STEP * number, coalition) for number, step in enumerate(steps)),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="{_INK}"><rect width="100%" height="100%" rx="6" fill="#fff"/>'
        f"{''.join(inner)}</svg>"
    )


def _lifeline(role: str, x: int, height: int, curious: bool) -> str:
    colour = _RED if curious else _BLUE
    name = hypertext(role.replace("_", " ") + (" (curious)" if curious else ""))
    return (
        f'<path d="M{x} 42V{height - 8}" stroke="{colour}" stroke-dasharray="3 5"/>'
        f'<rect x="{x - _BOX // 2}" y="8" width="{_BOX}" height="34" rx="6" fill="#fff" stroke="{colour}" '
        f'stroke-width="1.5"/><text x="{x}" y="30" text-anchor="middle" font-size="14" font-weight="600" '
        f'fill="{colour}">{name}</text>'
    )


def _loops(steps: Steps, width: int) -> list[str]:
    """A frame around steps that repeat together, with the words for it on its left."""
    frames, at = [], 0
    for when, group in groupby(steps, key=lambda step: step["when"]):
        size = len(list(group))
        if when:
            y, tall = _TOP + _STEP * at - 5, _STEP * size - 4
            lines = textwrap.wrap(when, 16)
            words = "".join(
                f'<text x="14" y="{y + 20 + 16 * n}" fill="{_GREY}" font-style="italic">{hypertext(line)}</text>'
                for n, line in enumerate(lines)
            )
            frames.append(
                f'<rect x="5" y="{y}" width="{width - 10}" height="{tall}" rx="6" fill="none" stroke="#c3cbd3"/>{words}'
            )
        at += size
    return frames


def _row(step: Mapping[str, str], place: Mapping[str, int], y: int, coalition: str) -> str:
    start = place[step["sender"]]
    if not step["receiver"]:
        return _alone(step["says"], start, y)
    stop = place[step["receiver"]]
    seen = any(seen_by(step[end], coalition) for end in ("sender", "receiver"))
    colour, weight = (_RED, 2) if seen else (_GREY, 1.2)
    back = -9 if stop > start else 9
    kind = f'<tspan fill="{_GREY}" font-size="11">  {hypertext(step["kind"])}</tspan>' if step["kind"] else ""
    return (
        f'<text x="{(start + stop) / 2}" y="{y + 14}" text-anchor="middle">{hypertext(step["says"])}</text>'
        f'<text x="{(start + stop) / 2}" y="{y + 38}" text-anchor="middle">{kind}</text>'
        f'<path d="M{start} {y + 22}H{stop}" stroke="{colour}" stroke-width="{weight}"/>'
        f'<path d="M{stop} {y + 22}l{back} -5v10z" fill="{colour}"/>'
    )


def _alone(says: str, x: int, y: int) -> str:
    wide = 8 + 6.6 * len(says)
    return (
        f'<rect x="{x - wide / 2}" y="{y + 7}" width="{wide}" height="26" rx="4" fill="#eef3f8" stroke="#c3cbd3"/>'
        f'<text x="{x}" y="{y + 24}" text-anchor="middle" font-size="12">{hypertext(says)}</text>'
    )
