"""What the attack and scenario pages show of results: how far each submission falls, and what the controls reached."""

from __future__ import annotations

import pandas as pd

from leaderboard.app.source import frame

__all__ = ["CONTROLS", "FALLS", "controls", "falls", "labelled"]

FALLS = (
    "entry", "submission", "label", "variant", "secret", "metric", "value", "value_interval", "floor", "advantage",
    "advantage_interval", "n", "flags", "status", "coalition", "counts",
)  # fmt: skip
CONTROLS = ("entry", "attack", "secret", "control", "control_value", "control_at_least")


def labelled(rows: pd.DataFrame, suite: str, entry: str | None = None) -> pd.DataFrame:
    """The rows with the label of their operating point."""
    board = frame("board", suite=suite) if entry is None else frame("board", suite=suite, entry=entry)
    keys = ["entry", "submission", "point"]
    return rows.merge(board[[*keys, "label"]].drop_duplicates(keys), on=keys, how="left")


def falls(rows: pd.DataFrame) -> pd.DataFrame:
    """Results of attacks, what leaks most first; rows without a number last."""
    by = ["advantage", "submission", "point"]
    return rows.sort_values(by, ascending=[False, True, True], na_position="last", kind="stable")


def controls(rows: pd.DataFrame) -> pd.DataFrame:
    """The positive controls of attacks, one row each: what an attack had to reach undefended, and what it reached."""
    checked = rows[rows["control"].isin(["passed", "failed"])]
    return checked[list(CONTROLS)].drop_duplicates(["entry", "attack", "secret"]).sort_values(["entry", "attack"])
