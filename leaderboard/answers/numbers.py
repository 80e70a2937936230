"""Rows of a board as plain values, and their numbers in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

__all__ = ["Row", "known", "listed", "measure", "number", "rows_of", "system"]

Row = Mapping[str, Any]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a data frame; what is missing is None."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | dict | str):
        return value
    missing = value is None or not bool(value == value)  # pandas' NA compares to NA, which has no truth
    return None if missing else value.item() if hasattr(value, "item") else value


def known(value: Any) -> TypeGuard[float]:
    """Say whether there is a number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """``0.44``, with ``sign`` ``+0.44``; ``n/a`` where there is none, and never ``-0.00``."""
    if value is None or not math.isfinite(value):
        return "n/a"
    shown = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return shown.replace("-", "+" if sign else "") if float(shown) == 0 else shown


def measure(row: Row, name: str, *, sign: bool = False) -> str:
    """``0.44 [0.31, 0.60]``; the bracket is left out where there is no interval, or none to speak of."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    shown = number(value, sign=sign)
    if not (known(value) and known(low) and known(high)) or low == high == value:
        return shown
    return f"{shown} [{number(low, sign=sign)}, {number(high, sign=sign)}]"


def system(row: Row) -> str:
    """``Hard labels (votes)``: title and operating point of a row."""
    title = str(row.get("title") or row["submission"])
    label = str(row.get("label") or "")
    return f"{title} ({label})" if label and label != title else title


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
