"""Frames of the attack and scenario pages: each submission's fall to an attack, and what the controls reached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from leaderboard.app.source import frame
from leaderboard.queries import FLAGS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CONTROLS", "FALLS", "by_strength", "controls", "falls", "labelled", "leaks_on_noise"]

FALLS = (
    "entry",
    "submission",
    "label",
    "variant",
    "secret",
    "metric",
    "value",
    "value_ends",
    "floor",
    "advantage",
    "advantage_ends",
    "n",
    "flags",
    "status",
    "coalition",
    "counts",
)
CONTROLS = (
    "entry",
    "attack",
    "secret",
    "coalition",
    "control",
    "control_value",
    "control_at_least",
    "control_at_most",
)


def labelled(rows: pd.DataFrame, suite: str, entry: str | None = None) -> pd.DataFrame:
    """The rows with the label of their operating point."""
    board = frame("board", suite=suite) if entry is None else frame("board", suite=suite, entry=entry)
    keys = ["entry", "submission", "point"]
    return rows.merge(board[[*keys, "label"]].drop_duplicates(keys), on=keys, how="left")


def falls(rows: pd.DataFrame) -> pd.DataFrame:
    """Results of attacks, what leaks most first; rows without a number last."""
    by = ["advantage", "submission", "point"]
    return rows.sort_values(by, ascending=[False, True, True], na_position="last", kind="stable")


def by_strength(rows: pd.DataFrame) -> list[str]:
    """Attacks with results in ``rows``: those that leak most undefended first, by the strongest of their metrics."""
    bare = rows[(rows["submission"] == "none") & rows["counts"].fillna(False).astype(bool)]
    reached = bare.groupby("attack")["advantage"].max()
    return sorted(rows["attack"].dropna().unique(), key=lambda name: (-float(reached.get(name, -9.0)), name))


def controls(rows: pd.DataFrame) -> pd.DataFrame:
    """The controls of attacks, one row each: what an attack had to show undefended, and what it reached."""
    checked = rows[rows["control"].isin(["passed", "failed"])]
    about = ["entry", "attack", "secret", "coalition"]
    return checked[list(CONTROLS)].drop_duplicates(about).sort_values(["entry", "attack"])


def leaks_on_noise(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence for every entry in which an attack beats its blind guess on the negative control."""
    flag = "negative_control_failed"
    failed = rows[[flag in flags for flags in rows["flags"]]].drop_duplicates("entry")
    for entry, notes in zip(failed["entry"], failed["notes"], strict=True):
        yield f"{entry}: {FLAGS[flag][1]} {'; '.join(json.loads(notes)[flag])}."
