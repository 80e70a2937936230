"""Reading what a submission sent or wrote: JSON within bounds, and text that is safe to store and to print.

A parser's own limits are not enough: nesting that it still reads can end a later recursion, numbers of a thousand
digits overflow a database column, lone surrogates cannot be written to a file, and escape sequences in a reason would
reach a terminal.
"""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

__all__ = ["MAX_DEPTH", "one_line", "parse_json", "plain_text"]

MAX_DEPTH = 32
"""Levels of lists and objects that JSON from a worker may have."""

MAX_REASON = 500
"""Characters that are kept of a text from elsewhere."""

_WHOLE = 2**63
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is no visible character: controls, directions, surrogates, line separators."""


def parse_json(data: bytes) -> Any:
    """The JSON value in ``data``.

    Raises:
        ValueError: it is no UTF-8 or no JSON, deeper than :data:`MAX_DEPTH`, or holds a number that is not finite or
            beyond 64 bits, or text that cannot be encoded.
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    _check(value)
    return value


def plain_text(text: str) -> str:
    """``text`` without control characters, terminal escapes and marks of direction; line ends and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSAFE)


def one_line(text: object, limit: int = MAX_REASON) -> str:
    """A text from elsewhere as one readable line of at most ``limit`` characters; never empty."""
    # Cut before anything else: a reason may have megabytes.
    raw = str(text)[: 8 * limit]
    line = " ".join(plain_text(" ".join(raw.split())).split())
    return (line if len(line) <= limit else line[: limit - 4] + " ...") or "no reason was given"


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -_WHOLE <= (number := int(digits)) < _WHOLE:
        raise ValueError(f"a whole number of {len(digits)} digits; at most 64 bits have a place")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _check(value: Any) -> None:
    """Level by level, so that no nesting is too deep to be looked at."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        _check_texts(level)
        containers = [item for item in level if isinstance(item, list | dict)]
        if not containers:
            return
        level = [inner for item in containers for inner in _inside(item)]
    raise ValueError(f"JSON that is nested too deeply: more than {MAX_DEPTH} levels")


def _inside(item: list[Any] | dict[str, Any]) -> list[Any]:
    return item if isinstance(item, list) else [*item.keys(), *item.values()]


def _check_texts(level: list[Any]) -> None:
    for item in level:
        if isinstance(item, str) and not item.isascii():
            item.encode()  # a lone surrogate is a ValueError
