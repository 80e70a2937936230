"""Rewritings of texts that hide nothing are learned from the attacker's own texts and undone on new ones."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest

from attacks.toolkit.rewriting import undoing

TEXTS = [
    f"{('meet', 'see')[n % 3 == 0]} {name} at the {place} on day {n}, bring {n + 3} cards"
    for n, (name, place) in enumerate(
        (name, place)
        for name in ("Ada", "Bob", "Cleo", "Dan", "Eve", "Fay")
        for place in ("bank", "station", "quay", "fjord", "jazz box")
    )
]
CIPHER = str.maketrans(string.ascii_lowercase, "qwertyuiopasdfghjklzxcvbnm")
WORDS = {"meet": "grok", "the": "blue", "bank": "cloud", "bring": "meet", "cards": "the", "on": "cards"}

REWRITINGS: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: text,
    "a word in front": lambda text: "well " + text,
    "words around": lambda text: "so: " + text + " (end)",
    "letters": lambda text: text.translate(CIPHER),
    "words": lambda text: " ".join(WORDS.get(word, word) for word in text.split(" ")),
    "backwards": lambda text: text[::-1],
    "words backwards, after another": lambda text: "well " + " ".join(word[::-1] for word in text.split(" ")),
}


@pytest.mark.parametrize("name", REWRITINGS)
def test_rewritings_are_undone(name: str) -> None:
    rewrite = REWRITINGS[name]
    known, unseen = TEXTS[::2], TEXTS[1::2]
    undo = undoing(known, [rewrite(text) for text in known], lambda texts: [rewrite(text) for text in texts])
    assert [undo(rewrite(text)).split() for text in unseen] == [text.split() for text in unseen]
