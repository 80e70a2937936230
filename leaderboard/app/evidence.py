"""An original text beside its reconstruction, token by token, with the recovered tokens marked."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from leaderboard.app.escape import hypertext
from leaderboard.app.parts import note
from leaderboard.app.runsview import parsed
from leaderboard.app.source import frame
from leaderboard.app.state import choose

__all__ = ["marked_tokens", "show_evidence"]

RECORDS = 5
"""Texts shown of one attack."""


def show_evidence(suite: str, entry: str, submission: str, point: str) -> None:
    """Originals beside the reconstructions of one attack on one operating point."""
    rows = frame("evidence", submissions=submission)
    rows = rows[(rows["suite"] == suite) & (rows["entry"] == entry) & (rows["point"].astype(str) == point)]
    if rows.empty:
        note("Texts are shown only where the licence of the data allows it, as that of synthetic personal data does.")
        return
    titles = [
        f"{attack} {variant or ''}".strip() for attack, variant in zip(rows["attack"], rows["variant"], strict=True)
    ]
    attack = choose("Attack", sorted(set(titles)), "evidence")
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


def marked_tokens(tokens: Sequence[object], hits: Sequence[object]) -> str:
    """HTML of ``tokens``, those with a true ``hits`` entry highlighted; tokens without an entry count as missed."""
    marks = [*map(bool, hits), *([False] * max(0, len(tokens) - len(hits)))]
    spans = [
        f'<span class="{"hit" if hit else "miss"}">{hypertext(_visible(str(token)))}</span>'
        for token, hit in zip(tokens, marks, strict=False)
    ]
    return f'<div class="lb-text">{"".join(spans)}</div>'


def _visible(token: str) -> str:
    """Line breaks become a sign, so that a token stays on its line."""
    return token.replace("\r", "").replace("\n", "⏎ ")
