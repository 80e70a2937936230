"""Any text as LaTeX that every engine typesets with the packages a table needs anyway, and that runs no command."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["ACCENTS", "REPLACEMENTS", "escape"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_\allowbreak{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': "''",
    "\u200c": "{}",
    "–": "--",
    "—": "---",
    "−": r"\ensuremath{-}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\dots{}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≈": r"\ensuremath{\approx}",
    "∞": r"\ensuremath{\infty}",
    "→": r"\ensuremath{\rightarrow}",
    "·": r"\ensuremath{\cdot}",
    "°": r"\textdegree{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "§": r"\S{}",
}
ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
"""Combining character -> accent command."""

_GREEK_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_GREEK: Mapping[str, str] = {
    letter: rf"\ensuremath{{\{name}}}"
    for letter, name in zip(_GREEK_LETTERS, re.findall(r"\w+", _GREEK_NAMES), strict=True)
}
REPLACEMENTS = {**_SPECIAL, **_GREEK}
"""Character -> what LaTeX is given instead."""
_LONG_WORD = re.compile(r"\S{24,}")
_BREAK = "\u200b"
"""Zero-width space, where a long word may be broken."""


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """``text`` with every special character escaped; letters that LaTeX cannot set become their code point.

    Long words may break, control characters and line ends become spaces.
    """
    if text.isascii() and text.replace(" ", "").isalnum() and len(text) < 24:
        return text
    words = _LONG_WORD.sub(lambda found: _BREAK.join(_chunks(found.group(), 8)), text.replace(_BREAK, ""))
    words = words.replace("--", "-\u200c-").replace("--", "-\u200c-")  # two hyphens in a row are no dash
    return "".join(_character(char) for char in unicodedata.normalize("NFC", words))


def _chunks(word: str, size: int) -> list[str]:
    return [word[start : start + size] for start in range(0, len(word), size)]


def _character(char: str) -> str:
    if char in REPLACEMENTS:
        return REPLACEMENTS[char]
    if char == _BREAK:
        return r"\allowbreak{}"
    if " " <= char <= "~":
        return char
    if char.isspace() or not char.isprintable():
        return " "
    return _accented(char) or rf"\texttt{{U+{ord(char):04X}}}"


def _accented(char: str) -> str:
    r"""``\'{e}`` for a Latin letter with one accent that LaTeX has, else nothing."""
    parts = unicodedata.normalize("NFD", char)
    if len(parts) != 2 or not (parts[0].isascii() and parts[0].isalpha()) or parts[1] not in ACCENTS:
        return ""
    base = rf"\{parts[0]}" if parts[0] in "ij" else parts[0]
    return rf"\{ACCENTS[parts[1]]}{{{base}}}"
