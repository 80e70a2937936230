"""Membership by what is verbatim: rare word runs and personal items of a record in the synthetic texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.membership.reading import by_party
from attacks.synthetic_text.bound import disclosure_bound
from attacks.synthetic_text.pii import find, found_items
from attacks.synthetic_text.reading import Released
from attacks.synthetic_text.words import ngrams, words
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View
    from harness.schema import Score

__all__ = ["PiiEcho", "RareDisclosure"]


class RareDisclosure(Attack):
    """The longest run of words that a record shares with the synthetic texts and with no public or auxiliary text.

    Runs that other candidates have as well are no evidence for one of them, and are left out. The counts of
    candidates with a run of ``size`` words, members against others, are those of the phantom-corrected test
    (:class:`attacks.synthetic_text.phantoms.Disclosure`).
    """

    name: ClassVar[str] = "rare_disclosure"
    summary: ClassVar[str] = "longest rare run of words shared with the released texts"
    source: ClassVar[str] = "Amin et al. 2026, Phantoms and Disclosures (features); here per record"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)

    def __init__(self, *, size: int = 2, longest: int = 8) -> None:
        self.size = size
        self.longest = longest

    def guess(self, view: View) -> Guess:
        """Words in the longest rare run; 0 below ``size``."""
        released = Released.of(view.transcript)
        texts = [one.text for one in view.candidates]
        known = [*(record.text for record in view.public.auxiliary), *view.public.facts.get("public_texts", ())]
        scores = dict.fromkeys((one.id for one in view.candidates), 0.0)
        for size in range(self.size, self.longest + 1):
            shared = Counter(run for text in texts for run in set(ngrams(words(text), size)))
            common = {run for text in known for run in ngrams(words(text), size)}
            common |= {run for run, count in shared.items() if count > 1}
            for party, rows in by_party(view.candidates).items():
                runs = {run for text in released.about(party) for run in ngrams(words(text), size)} - common
                hits = [row for row in rows if runs & set(ngrams(words(texts[row]), size))]
                scores |= {view.candidates[row].id: float(size) for row in hits}
        return scores

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """The phantom-corrected lower bound on epsilon beside its ceiling; empty where one side has no candidates."""
        found = {one.record: one.value for one in scores if one.metric == "score" and one.value is not None}
        labels = {one.record: one.value for one in scores if one.metric == "label" and one.value is not None}
        if {1.0, 0.0} - set(labels.values()):
            return {}
        bound = disclosure_bound(found, labels, size=self.size)
        shown = {"epsilon": bound.epsilon, "ceiling": bound.ceiling, "p_value": bound.p_value, "alpha": bound.alpha}
        return {"bound": shown}


class PiiEcho(Attack):
    """How many of a record's personal items (numbers, addresses of mail, ...) are in the synthetic texts.

    Items of auxiliary records are left out; what a non-member's items match by chance is the holdout's share.
    """

    name: ClassVar[str] = "pii_echo"
    summary: ClassVar[str] = "personal items of the record found in the released texts"
    source: ClassVar[str] = "Lukas et al. 2023 (extraction), by patterns"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)

    def guess(self, view: View) -> Guess:
        """The number of items found."""
        released, known = Released.of(view.transcript), find(record.text for record in view.public.auxiliary)
        scores: dict[str, float] = {}
        for party, rows in by_party(view.candidates).items():
            items = {row: find([view.candidates[row].text]) - known for row in rows}
            found = found_items({item for some in items.values() for item in some}, released.about(party))
            scores |= {view.candidates[row].id: float(len(some & found)) for row, some in items.items()}
        return scores
