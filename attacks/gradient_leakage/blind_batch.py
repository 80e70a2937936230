"""Blind guess at batches: texts of the attacker's own, or texts that the public language model writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from attacks.toolkit.readers.gradients import gradient_facts, public_tokens
from attacks.toolkit.view import numpy_rng
from harness.attack import SUM, Attack, GradientFacts, PopulationFacts, public_part

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Part, View

__all__ = ["BlindBatch", "sampled_texts"]


class BlindBatch(Attack):
    """As many guesses as count: other auxiliary texts for every sender and, of a causal model, a share ``samples`` of
    texts that it writes by itself, as long as auxiliary texts are.
    """

    name: ClassVar[str] = "blind_batch"
    summary: ClassVar[str] = "auxiliary texts, and texts sampled from the public language model"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, samples: float = 0.25, guesses: int = 4) -> None:
        self.samples = samples
        self.guesses = guesses

    def guess(self, view: View) -> Guess:
        """Sender -> texts."""
        facts, tokens = gradient_facts(view.public), public_tokens(view.public)
        population = view.public.need(PopulationFacts)
        senders = (SUM,) if facts.summed else population.parties
        rng = numpy_rng(view)
        own = [tokens.encode(record.text)[: facts.max_tokens] for record in view.public.auxiliary]
        size = facts.batch_size * facts.batches * len(facts.attacked) * (len(population.parties) if facts.summed else 1)
        wanted = self.guesses * size
        written: list[list[int]] = []
        causal = public_part(facts.model, 0, 0, False).causal
        if causal and self.samples:
            lengths = [len(own[i]) for i in rng.integers(len(own), size=round(self.samples * wanted)).tolist()]
            model = public_part(facts.model, 0, None, True)
            written = sampled_texts(model, list(facts.prefix), lengths, view.rng, facts.special_ids)
        guesses = {}
        for sender in senders:
            order = rng.permutation(len(own))[: wanted - len(written)].tolist()
            guesses[sender] = [*written, *(own[i] for i in order)]
        return guesses


@torch.no_grad()
def sampled_texts(
    model: Part, prefix: list[int], lengths: list[int], rng: torch.Generator, special: frozenset[int]
) -> list[list[int]]:
    """Texts of the given lengths drawn token by token from a whole causal model after the public prefix."""
    if not lengths or not prefix:
        return []
    cache, texts = model.new_cache(), [list[int]() for _ in lengths]
    fresh = torch.tensor([prefix] * len(lengths))
    banned = torch.tensor(sorted(special), dtype=torch.long)
    for _ in range(max(lengths)):
        chances = model(fresh, cache)[:, -1].softmax(-1)
        chances[:, banned] = 0.0
        fresh = torch.multinomial(chances, 1, generator=rng)
        for text, token in zip(texts, fresh.flatten().tolist(), strict=True):
            text.append(token)
    return [text[:length] for text, length in zip(texts, lengths, strict=True)]
