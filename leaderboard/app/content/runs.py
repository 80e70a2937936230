"""Runs with where and with what they were made, and everything that is stored about one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CELLS", "EVERYONE", "RUN_COLUMNS", "parsed", "run_document", "with_environment"]

RUN_COLUMNS = (
    "entry",
    "submission",
    "point",
    "seed",
    "behaviour",
    "isolation",
    "status",
    "created",
    "commit",
    "cpu",
    "threads",
    "bytes",
    "flops",
    "peak_memory",
    "round_trips",
    "wall_seconds",
    "setup_seconds",
    "key",
)
CELLS = (
    "role",
    "name",
    "variant",
    "coalition",
    "secret",
    "metric",
    "value",
    "n",
    "seconds",
    "status",
    "created",
    "key",
)
EVERYONE = "all submissions"
"""Choice of every submission's runs."""
_ENVIRONMENT = ("commit", "cpu", "threads")


def parsed(text: object) -> Any:
    """A JSON column's value; None where there is none."""
    return json.loads(text) if isinstance(text, str) and text else None


def run_document(run: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is stored about a run, its JSON columns unpacked."""
    nested = ("parameters", "entitlement", "ledger", "environment")
    return {name: parsed(value) if name in nested else _plain(value) for name, value in run.items()}


def _plain(value: Any) -> Any:
    """A value without numpy's types, which JSON does not know."""
    return value.item() if hasattr(value, "item") else value


def with_environment(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with the commit, processor and threads of their environment as columns."""
    places = [parsed(text) or {} for text in runs["environment"]]
    extended = runs.copy()
    for name in _ENVIRONMENT:
        extended[name] = [place.get(name) for place in places]
    extended["commit"] = [_short(commit) for commit in extended["commit"]]
    return extended


def _short(commit: str | None) -> str | None:
    """The first twelve digits of a commit, ``+dirty`` kept."""
    digits, plus, more = (commit or "").partition("+")
    return f"{digits[:12]}{plus}{more}" or None
