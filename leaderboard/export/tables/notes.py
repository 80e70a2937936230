"""Footnotes of a table: each distinct fact about rows gets one letter, in order of appearance."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase

from harness.assessment import FLAGS

__all__ = ["Notes"]

NONE = "–"


class Notes:
    """Collects sentences and hands out their letters."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letter(self, sentence: str) -> str:
        """The letter of a sentence: a to z, then aa, ab, ..."""
        return self._letters.setdefault(sentence, _letter(len(self._letters)))

    def row(self, flags: Iterable[str], status: str, reason: str | None) -> str:
        """The letters of a row's flags and of why numbers are missing, or a dash."""
        letters = [self.letter(_flag(flag)) for flag in flags]
        if status != "ok":
            letters.append(self.letter(f"{status.replace('_', ' ')}: {reason}" if reason else status.replace("_", " ")))
        elif reason:
            letters.append(self.letter(f"not ranked: {reason}"))
        return ", ".join(dict.fromkeys(letters)) or NONE

    @property
    def all(self) -> tuple[tuple[str, str], ...]:
        """(letter, sentence) in order."""
        return tuple((letter, sentence) for sentence, letter in self._letters.items())


def _flag(name: str) -> str:
    title, meaning = FLAGS.get(name, (name, ""))
    return f"{title}: {meaning}" if meaning else title


def _letter(number: int) -> str:
    first, rest = divmod(number, 26)
    return (_letter(first - 1) if first else "") + ascii_lowercase[rest]
