"""Blind guess at the text behind a prototype: the words that its class uses most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.public_model import PublicModel
from attacks.toolkit.view import labels_of, public_parties
from harness.attack import Attack, ModelFacts, PopulationFacts, frequent_tokens

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, View

__all__ = ["BlindWords", "usual_words"]


class BlindWords(Attack):
    """Without the transcript: for each class as many of its most frequent tokens as its texts usually have.

    Of classes of several records, as many as ``records`` texts have. The ``frequent`` most frequent tokens of all
    classes are left out, for content tokens alone are counted.
    """

    name: ClassVar[str] = "blind_words"
    summary: ClassVar[str] = "the words that auxiliary texts of the class use most"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "text"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, frequent: int = 100, records: int = 1) -> None:
        self.frequent = frequent
        self.records = records

    def refuses(self, public: Public) -> str | None:
        """Needs a public tokenizer."""
        unnamed = "the public encoder is not named, so that texts have no tokens"
        return super().refuses(public) if public.facts_of(ModelFacts) else unnamed

    def guess(self, view: View) -> Guess:
        """``party/class`` -> token ids, alike for every party."""
        model = PublicModel(view.public)
        texts: dict[str, list[list[int]]] = {label: [] for label in labels_of(view.public)}
        for record in view.public.auxiliary:
            if record.label in texts:
                texts[record.label].append(model.tokenize(record.text))
        everything = [ids for some in texts.values() for ids in some]
        common = frequent_tokens(everything, self.frequent)
        guesses = {label: usual_words(some or everything, common, self.records) for label, some in texts.items()}
        return {f"{party}/{label}": ids for party in public_parties(view) for label, ids in guesses.items()}


def usual_words(texts: Sequence[Sequence[int]], skipped: frozenset[int], records: int = 1) -> list[int]:
    """The most frequent tokens but ``skipped`` ones, as many as half of the texts have, times ``records``; of equals
    the smallest id.
    """
    counts = Counter(token for ids in texts for token in set(ids) if token not in skipped)
    lengths = [sum(token not in skipped for token in ids) for ids in texts]
    return sorted(counts, key=lambda token: (-counts[token], token))[: max(int(records * median(lengths)), 1)]
