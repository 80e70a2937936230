"""Words of a text, as every text attack counts them."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ngrams", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’.@-][^\W_]+)*")


def words(text: str) -> list[str]:
    """Lower-case words and numbers in order; apostrophes, dots, hyphens and @ inside a word stay in it."""
    return _WORD.findall(text.casefold())


def ngrams(sequence: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Runs of ``size`` successive words; none where the text is shorter."""
    return [tuple(sequence[at : at + size]) for at in range(len(sequence) - size + 1)]
