"""Numbers as texts: fixed decimals so that they align, ``n/a`` where there is none, prefixes where they are large."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from leaderboard.export.tables.model import NOT_AVAILABLE

__all__ = ["decimal", "decimals", "intervals", "p_value", "prefixed", "whole"]

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def decimal(value: float | None, digits: int) -> str:
    """``value`` with ``digits`` decimals, or ``n/a``; never ``-0.00``."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    text = f"{value:.{digits}f}"
    return text[1:] if text[0] == "-" and not text.strip("-0.") else text


def decimals(values: Sequence[float], digits: int) -> list[str]:
    """:func:`decimal` of each, formatted in one go, since boards have hundreds of thousands of numbers."""
    if not values:
        return []
    text = (f"%.{digits}f\n" * len(values)) % tuple(values)
    text = _ABSENT.sub(NOT_AVAILABLE, text) if "n" in text else text
    return _ZERO.sub(r"\1", text).split("\n")[:-1] if "-0" in text else text.split("\n")[:-1]


_ABSENT = re.compile(r"-?(nan|inf)")
_ZERO = re.compile(r"-(0\.0+)$", re.MULTILINE)


def intervals(lows: Sequence[float], highs: Sequence[float], digits: int) -> list[tuple[str, str] | None]:
    """Both ends of each interval, None where one does not exist."""
    ends = zip(decimals(lows, digits), decimals(highs, digits), strict=True)
    return [None if NOT_AVAILABLE in pair else pair for pair in ends]


def whole(values: Iterable[object]) -> list[str]:
    """Whole numbers; ``n/a`` for what is missing, pandas' NA among them."""
    return [str(int(value)) if isinstance(value, int | float) and value == value else NOT_AVAILABLE for value in values]


def p_value(values: Iterable[float]) -> list[str]:
    """p-values with three decimals, ``< 0.001`` below them."""
    return ["< 0.001" if 0 <= value < 0.0005 else decimal(value, 3) for value in values]


def prefixed(values: Sequence[float], digits: int = 1) -> tuple[list[str], str]:
    """Values in the unit prefix of the largest, and that prefix: ``(['1.2', '0.3'], 'M')``."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    scale, prefix = next(((scale, prefix) for scale, prefix in _PREFIXES if largest >= scale), (1.0, ""))
    return [decimal(value / scale, digits) for value in values], prefix
