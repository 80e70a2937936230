"""Phantom-corrected disclosure: do rare features of the training records turn up more often than chance explains?

Source records are split at random into training and holdout. A rare feature of a holdout record that turns up in the
synthetic texts is a phantom: it got there by chance. Without learning, matched records fall on the two sides as the
split did; under epsilon-differential privacy the odds of the training side grow at most by e^epsilon.
(Amin et al. 2026, "Phantoms and Disclosures".)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp

from attacks.synthetic_text.words import ngrams, words
from harness.attack import DataError, EpsilonBound, disclosure_bound

__all__ = ["Disclosure", "disclosed", "rare_matches"]


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
        """That epsilon beside its ceiling."""
        counts = self.matched_train, self.matched_holdout, self.train, self.holdout
        return disclosure_bound(*counts, alpha=alpha)


def rare_matches(
    sources: Sequence[str], synthetic: Iterable[str], *, size: int = 3, public: Iterable[str] = (), most: int = 1
) -> list[bool]:
    """Whether each source text has a word n-gram of ``size`` that is rare and occurs in the synthetic texts.

    Rare: in at most ``most`` of the sources, and in no public text. ``sources`` are both sides of the split, so that
    rarity treats them alike.
    """
    features = [set(ngrams(words(text), size)) for text in sources]
    often = Counter(feature for one in features for feature in one)
    known = {feature for text in public for feature in ngrams(words(text), size)}
    released = {feature for text in synthetic for feature in ngrams(words(text), size)} - known
    return [any(often[feature] <= most for feature in one & released) for one in features]


def disclosed(
    train: Sequence[str], holdout: Sequence[str], synthetic: Sequence[str], *, size: int = 3, public: Sequence[str] = ()
) -> Disclosure:
    """The counts of the disclosure test.

    Raises:
        DataError: one side is empty, or a text is on both sides.
    """
    twice = set(train) & set(holdout)
    if not train or not holdout or twice:
        raise DataError(
            f"a split into {len(train)} and {len(holdout)} texts with {len(twice)} on both sides: "
            "split distinct texts at random into two sides"
        )
    found = rare_matches([*train, *holdout], synthetic, size=size, public=public)
    return Disclosure(sum(found[: len(train)]), sum(found[len(train) :]), len(train), len(holdout))
