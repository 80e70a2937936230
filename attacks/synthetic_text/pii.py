"""Personal information of private records in released synthetic texts, minus what a holdout's scan finds by chance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from attacks.synthetic_text.words import ngrams, words

__all__ = ["PATTERNS", "Item", "PiiScan", "counted", "find", "found_items", "scan"]

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "account": re.compile(r"(?<!\w)@\w{2,}"),
    "url": re.compile(r"(?:https?://|www\.)\S+"),
    "ip": re.compile(r"(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?!\d)"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"),
    "number": re.compile(r"(?<!\w)\+?\d(?:[ .()/-]?\d){5,}(?!\w)"),
}
"""Kinds of personal information with a form of their own; names and addresses need labelled spans."""

Item = tuple[str, ...]
"""Words of a piece of personal information."""


@dataclass(frozen=True)
class PiiScan:
    """Shares of personal items found in the synthetic texts, and of found items that are private."""

    recall: float
    holdout_recall: float
    precision: float
    """Of the items in the synthetic texts that are of either side, the share that are private, corrected for sizes."""
    found: tuple[Item, ...]

    @property
    def excess(self) -> float:
        """Recall beyond what the holdout's items reach by chance."""
        return self.recall - self.holdout_recall


def find(texts: Iterable[str]) -> set[Item]:
    """Items of :data:`PATTERNS` in ``texts``."""
    hits = (hit for text in texts for pattern in PATTERNS.values() for hit in pattern.findall(text))
    return {item for item in (tuple(words(hit)) for hit in hits) if item}


def found_items(items: Iterable[Item], synthetic: Sequence[str]) -> set[Item]:
    """The ``items`` whose words occur in a row in a synthetic text."""
    wanted = set(items)
    sizes = {len(item) for item in wanted}
    runs = {run for text in synthetic for size in sizes for run in ngrams(words(text), size)}
    return wanted & runs


def scan(
    private: Iterable[str], holdout: Iterable[str], synthetic: Sequence[str], *, public: Iterable[str] = ()
) -> PiiScan:
    """Scan for the personal strings of private and of holdout records; ones on both sides or public are left out.

    Strings are compared word by word, without case and punctuation. With no strings of a side its recall is 0.
    """
    known = {tuple(words(one)) for one in public} | {()}
    sides = [{tuple(words(one)) for one in side} - known for side in (private, holdout)]
    mine, others = sides[0] - sides[1], sides[1] - sides[0]
    hits, phantoms = found_items(mine, synthetic), found_items(others, synthetic)
    return counted((len(hits), len(mine)), (len(phantoms), len(others)), tuple(sorted(hits)))


def counted(private: tuple[float, float], holdout: tuple[float, float], found: tuple[Item, ...] = ()) -> PiiScan:
    """The scan from (found, sought) items of each side."""
    recall, chance = (hits / sought if sought else 0.0 for hits, sought in (private, holdout))
    return PiiScan(recall, chance, recall / (recall + chance) if recall + chance else 0.0, found)
