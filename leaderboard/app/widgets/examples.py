"""Original texts beside their reconstructions, the recovered tokens marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from leaderboard.app.content.runs import parsed
from leaderboard.app.drawing.tokens import marked_tokens
from leaderboard.app.source import frame
from leaderboard.app.widgets.choices import choose
from leaderboard.app.widgets.html import note

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_examples"]

RECORDS = 5
"""Texts shown of one attack."""


def show_examples(suite: str, entry: str, submission: str, point: str, *, first: str = "") -> None:
    """Originals beside the reconstructions of one attack on one operating point; of ``first`` where it has any."""
    rows = frame("evidence", submissions=submission)
    rows = rows[(rows["suite"] == suite) & (rows["entry"] == entry) & (rows["point"].astype(str) == point)]
    if rows.empty:
        note("Texts are shown only where the licence of the data allows it, as that of synthetic personal data does.")
        return
    titles = [
        f"{attack} {variant or ''}".strip() for attack, variant in zip(rows["attack"], rows["variant"], strict=True)
    ]
    attack = choose("Attack", sorted(set(titles)), "evidence", default=first)
    _pairs(rows[[title == attack for title in titles]].sort_values(["seed", "record"]).head(RECORDS))
    note("Recovered tokens are marked. The private texts are synthetic, or their licence allows showing them.")


def _pairs(rows: pd.DataFrame) -> None:
    left, right = st.columns(2)
    left.html('<p class="lb-legend">Private text</p>')
    right.html('<p class="lb-legend">Reconstructed by the attack</p>')
    for row in rows.itertuples():
        hits = parsed(row.hits) or []
        left, right = st.columns(2)
        left.html(marked_tokens(parsed(row.original) or [], hits))
        right.html(marked_tokens(parsed(row.recovered) or [], hits))
