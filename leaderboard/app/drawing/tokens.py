"""A text token by token, with those marked that an attack recovered."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.app.escape import hypertext

__all__ = ["marked_tokens"]


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
