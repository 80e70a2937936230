"""Membership by what is verbatim: rare word runs and personal items of a record in the synthetic texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.membership.reading import by_party
from attacks.synthetic_text.bound import disclosure_bound
from attacks.synthetic_text.pii import Item, counted, find, found_items
from attacks.synthetic_text.reading import Released
from attacks.synthetic_text.words import ngrams, words
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, Score, View

__all__ = ["PiiEcho", "RareDisclosure", "sought"]


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
        asked = [words(one.text) for one in view.candidates]
        known = [*(record.text for record in view.public.auxiliary), *view.public.facts.get("public_texts", ())]
        told = [words(text) for text in known]
        parties = {p: (rows, [words(t) for t in released.about(p)]) for p, rows in by_party(view.candidates).items()}
        scores = dict.fromkeys((one.id for one in view.candidates), 0.0)
        for size in range(self.size, self.longest + 1):
            own = [set(ngrams(one, size)) for one in asked]
            shared = Counter(run for runs in own for run in runs)
            common = {run for text in told for run in ngrams(text, size)}
            common |= {run for run, count in shared.items() if count > 1}
            for rows, texts in parties.values():
                runs = {run for text in texts for run in ngrams(text, size)} - common
                scores |= {view.candidates[row].id: float(size) for row in rows if runs & own[row]}
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

    Items of public texts, or of two candidates, are left out: they are no evidence for one record. Members against
    held-out candidates, the scan is that of :func:`attacks.synthetic_text.pii.scan`, minus the holdout's.
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
            found = found_items({item for some in own.values() for item in some}, released.about(party))
            scores |= {name: float(len(some & found)) for name, some in own.items()}
        return scores

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """The scan over all targets: the share of members' items that was found, that of the held-out candidates', how
        far the first is above the second, and the precision at equal sizes; empty where nothing was sought."""
        labels = {one.record: one.value for one in scores if one.metric == "label"}
        found = {one.record: one.value for one in scores if one.metric == "score"}
        sides = []
        for wanted in (1.0, 0.0):
            side = [record for record in found if labels.get(record) == wanted]
            items = sum(len(self.sought[record.partition(":")[2]]) for record in side)
            sides.append((sum((found[record] or 0.0 for record in side), 0.0), float(items)))
        mine, others = sides
        if not mine[1] or not others[1]:
            return {}
        scan = counted(mine, others)
        rates = {"recall": scan.recall, "holdout_recall": scan.holdout_recall, "excess": scan.excess}
        return {"pii": {**rates, "precision": scan.precision, "items": mine[1], "holdout_items": others[1]}}


def sought(view: View) -> dict[str, frozenset[Item]]:
    """Candidate id -> its personal items that no other candidate and no public text has; the same for every target."""
    known = find(view.public.facts.get("public_texts", ()))
    items = {one.id: find([one.text]) for one in view.candidates}
    often = Counter(item for some in items.values() for item in some)
    return {name: frozenset(i for i in some if often[i] == 1 and i not in known) for name, some in items.items()}
