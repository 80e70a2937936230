"""Verbatim disclosure: rare runs of words that a record shares with the synthetic texts.

Source records are split at random into training and holdout. A rare feature of a holdout record that turns up in the
synthetic texts is a phantom: it got there by chance. Without learning, matched records fall on the two sides as the
split did; under epsilon-differential privacy the odds of the training side grow at most by e^epsilon.
(Amin et al. 2026, "Phantoms and Disclosures".)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.toolkit.candidates import by_party
from attacks.toolkit.readers.synthetic_texts import Released
from attacks.toolkit.view import public_texts
from attacks.toolkit.words import ngrams, words
from harness.attack import Attack, DataError, EpsilonBound
from harness.attack import disclosure_bound as bound_of_counts

if TYPE_CHECKING:
    from harness.attack import Guess, Score, View

__all__ = ["Disclosure", "DisclosureBound", "RareDisclosure", "disclosure_bound"]


class RareDisclosure(Attack):
    """The longest run of words that a record shares with the synthetic texts and with no public or auxiliary text.

    Runs that other candidates have as well are no evidence for one of them, and are left out. The counts of
    candidates with a run of ``size`` words, members against others, are those of the phantom-corrected test
    (:class:`Disclosure`).
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
        known = [*(record.text for record in view.public.auxiliary), *public_texts(view.public)]
        public = [words(text) for text in known]
        parties = {p: (rows, [words(t) for t in released.about(p)]) for p, rows in by_party(view.candidates).items()}
        scores = dict.fromkeys((one.id for one in view.candidates), 0.0)
        for size in range(self.size, self.longest + 1):
            own = [set(ngrams(one, size)) for one in asked]
            shared = Counter(run for runs in own for run in runs)
            common = {run for text in public for run in ngrams(text, size)}
            common |= {run for run, count in shared.items() if count > 1}
            for rows, texts in parties.values():
                runs = {run for text in texts for run in ngrams(text, size)} - common
                scores |= {view.candidates[row].id: float(size) for row in rows if runs & own[row]}
        return scores

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """The phantom-corrected lower bound on epsilon beside its ceiling; empty where one side has no candidates."""
        runs = {one.record: one.value for one in scores if one.metric == "score" and one.value is not None}
        labels = {one.record: one.value for one in scores if one.metric == "label" and one.value is not None}
        if {1.0, 0.0} - set(labels.values()):
            return {}
        bound = disclosure_bound(runs, labels, size=self.size)
        shown = {"epsilon": bound.epsilon, "ceiling": bound.ceiling, "p_value": bound.p_value, "alpha": bound.alpha}
        return {"bound": shown}


@dataclass(frozen=True)
class Disclosure:
    """Records with a rare feature in the synthetic texts, at most one count per record, on each side of the split.

    The test takes matched records for independent draws; where they are a large part of all records it is
    conservative, since a split of fixed sizes varies less.
    """

    matched_train: int
    matched_holdout: int
    train: int
    holdout: int

    def p_value(self, epsilon: float = 0.0) -> float:
        """Probability of this many training matches or more, given all matches, if releases are epsilon-private."""
        from scipy.stats import binom

        share = self.train / (self.train + self.holdout)
        odds = exp(epsilon) * share
        matches = self.matched_train + self.matched_holdout
        return float(binom.sf(self.matched_train - 1, matches, odds / (odds + 1 - share)))

    def epsilon_lower_bound(self, alpha: float = 0.05) -> float:
        """The largest epsilon that the test rejects at level ``alpha``; 0 if none.

        With k matches, all of them in training, this is ``logit(alpha^(1/k)) - logit(share)``: the ceiling.
        """
        return self.bound(alpha).epsilon

    def bound(self, alpha: float = 0.05) -> EpsilonBound:
        """Lower bound on epsilon beside its ceiling."""
        counts = self.matched_train, self.matched_holdout, self.train, self.holdout
        return bound_of_counts(*counts, alpha=alpha)


@dataclass(frozen=True)
class DisclosureBound:
    """The phantom-corrected test on scored candidates, one or several targets together."""

    counts: Disclosure
    epsilon: float
    """Lower bound at level ``1 - alpha``; 0 where chance explains the matches."""
    ceiling: float
    """The bound if every match had been a member; 0 without matches."""
    p_value: float
    """P-value of no learning at all."""
    alpha: float


def disclosure_bound(
    scores: Mapping[str, float], labels: Mapping[str, float], *, size: int = 2, alpha: float = 0.05
) -> DisclosureBound:
    """Bound from ``scores`` and true ``labels`` (1: member) by record id, ``"{target}:{candidate}"`` as in cells.

    Members are the training side, all others the holdout side; coins of several targets are independent, so that
    their matches add up.

    Raises:
        DataError: records differ, or one side is empty.
    """
    members = [record for record in labels if labels[record] == 1]
    others = [record for record in labels if labels[record] != 1]
    if scores.keys() != labels.keys() or not members or not others:
        raise DataError(
            f"disclosure bound: {len(scores)} scores for {len(labels)} labels, {len(members)} members and "
            f"{len(others)} others; give both for the same records, of both kinds"
        )
    hits = [sum(scores[record] >= size for record in side) for side in (members, others)]
    counts = Disclosure(hits[0], hits[1], len(members), len(others))
    bound = counts.bound(alpha)
    return DisclosureBound(counts, bound.epsilon, bound.ceiling, counts.p_value(), alpha)
