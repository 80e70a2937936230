"""Blind guess at the tokens of a batch: the usual ones."""

from __future__ import annotations

from collections import Counter
from statistics import mean
from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.readers.gradients import gradient_facts, public_tokens
from harness.attack import SUM, Attack, GradientFacts, PopulationFacts, frequent_tokens

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindBag"]


class BlindBag(Attack):
    """For every sender the most frequent auxiliary tokens, each as often as a batch usually has it, as many as a batch
    has in all. The ``frequent`` most frequent ones are left out, for content tokens alone are counted.
    """

    name: ClassVar[str] = "blind_bag"
    summary: ClassVar[str] = "the tokens that auxiliary texts use most"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "words"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, frequent: int = 100) -> None:
        self.frequent = frequent

    def guess(self, view: View) -> Guess:
        """Sender -> token ids, alike for all."""
        facts, tokens = gradient_facts(view.public), public_tokens(view.public)
        parties = view.public.need(PopulationFacts).parties
        texts = [tokens.encode(record.text)[: facts.max_tokens] for record in view.public.auxiliary]
        skipped = frequent_tokens(texts, self.frequent)
        counts = Counter(token for ids in texts for token in ids if token not in skipped)
        size = facts.batch_size * facts.batches * len(facts.attacked) * (len(parties) if facts.summed else 1)
        wanted = round(size * mean(sum(token not in skipped for token in ids) for ids in texts))
        bag: list[int] = []
        for token in sorted(counts, key=lambda one: (-counts[one], one)):
            if len(bag) >= wanted:
                break
            bag += [token] * max(1, round(counts[token] * size / len(texts)))
        return dict.fromkeys((SUM,) if facts.summed else parties, bag[: max(wanted, 1)])
