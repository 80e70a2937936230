"""Personal items of private records in released synthetic texts, beyond a holdout's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.toolkit.candidates import by_party
from attacks.toolkit.readers.synthetic_texts import Released
from attacks.toolkit.view import public_texts
from attacks.toolkit.words import ngrams, words
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, Score, View

__all__ = ["PATTERNS", "Item", "PiiEcho", "PiiScan", "counted", "find", "found_items", "scan", "sought"]


class PiiEcho(Attack):
    """Number of a record's personal items (numbers, addresses of mail, ...) in the synthetic texts.

    Items of public texts, or of two candidates, are left out: they are no evidence for one record. Members against
    held-out candidates, the scan is that of :func:`attacks.extraction.pii_echo.scan`, minus the holdout's.
    """

    name: ClassVar[str] = "pii_echo"
    summary: ClassVar[str] = "personal items of the record found in the released texts"
    source: ClassVar[str] = "Lukas et al. 2023 (extraction, by patterns), minus a holdout's, Amin et al. 2026"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)

    def __init__(self) -> None:
        self.sought: dict[str, frozenset[Item]] = {}

    def guess(self, view: View) -> Guess:
        """The number of items found."""
        released, self.sought = Released.of(view.transcript), sought(view)
        scores: dict[str, float] = {}
        for party, rows in by_party(view.candidates).items():
            own = {view.candidates[row].id: self.sought[view.candidates[row].id] for row in rows}
            released_items = found_items({item for some in own.values() for item in some}, released.about(party))
            scores |= {name: float(len(some & released_items)) for name, some in own.items()}
        return scores

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """The scan over all targets: the share of members' items that was found, that of the held-out candidates', how
        far the first is above the second, and the precision at equal sizes; empty where nothing was sought.
        """
        labels = {one.record: one.value for one in scores if one.metric == "label"}
        counts = {one.record: one.value for one in scores if one.metric == "score"}
        sides = []
        for wanted in (1.0, 0.0):
            side = [record for record in counts if labels.get(record) == wanted]
            items = sum(len(self.sought[record.partition(":")[2]]) for record in side)
            sides.append((sum((counts[record] or 0.0 for record in side), 0.0), float(items)))
        members, others = sides
        if not members[1] or not others[1]:
            return {}
        scan = counted(members, others)
        rates = {"recall": scan.recall, "holdout_recall": scan.holdout_recall, "excess": scan.excess}
        return {"pii": {**rates, "precision": scan.precision, "items": members[1], "holdout_items": others[1]}}


def sought(view: View) -> dict[str, frozenset[Item]]:
    """Candidate id -> its personal items that no other candidate and no public text has; the same for every target."""
    known = find(public_texts(view.public))
    items = {one.id: find([one.text]) for one in view.candidates}
    often = Counter(item for some in items.values() for item in some)
    return {name: frozenset(i for i in some if often[i] == 1 and i not in known) for name, some in items.items()}


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
    """Share of private items among those of either side in the synthetic texts, corrected for sizes."""
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
    own, others = sides[0] - sides[1], sides[1] - sides[0]
    hits, phantoms = found_items(own, synthetic), found_items(others, synthetic)
    return counted((len(hits), len(own)), (len(phantoms), len(others)), tuple(sorted(hits)))


def counted(private: tuple[float, float], holdout: tuple[float, float], items: tuple[Item, ...] = ()) -> PiiScan:
    """The scan from (found, sought) items of each side."""
    recall, chance = (hits / sought if sought else 0.0 for hits, sought in (private, holdout))
    return PiiScan(recall, chance, recall / (recall + chance) if recall + chance else 0.0, items)
