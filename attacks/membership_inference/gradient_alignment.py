"""Membership by inner products of a client's gradients with a candidate's own gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import log, log1p
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from attacks.toolkit.gradient_space.alignment import Background, Example, examples_of, flat, gradient_of
from attacks.toolkit.readers.gradients import (
    SharedGradient,
    gradient_facts,
    learner_at,
    public_tokens,
    shared_gradients,
)
from attacks.toolkit.view import numpy_rng
from harness.attack import SUM, Attack, GradientFacts, Kind, Message, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Learner, View

__all__ = ["GradientAlignment"]

PARTS = (0.25, 0.5, 1.0)
LEAST_SHARE = 0.02
"""Prior probability that a member is in a certain message, where records are many."""


class GradientAlignment(Attack):
    """Log-likelihood ratio that a candidate is in some batch of its party, from the inner product of each message with
    the candidate's own gradient at that round's model, after both have lost what its class has in common.

    A member of a batch of B moves the product by its gradient's norm over B; a stranger's products are those of
    ``strangers`` auxiliary texts. The adaptive variant sends ``batches`` of its own through the defense and takes from
    them how much of that shift is left. No shadow runs. Noise of standard deviation s for each coordinate hides a
    candidate only where s comes near its gradient's norm over B, whatever the number of parameters.
    """

    name: ClassVar[str] = "gradient_alignment"
    summary: ClassVar[str] = "inner products of a party's gradients with a record's own gradient, through noise"
    source: ClassVar[str] = (
        "cosines of gradients: Li, Li and Ribeiro (2023, ICLR), Zhu et al. (2025, FedMIA, arXiv 2402.06289); here a "
        "likelihood ratio"
    )
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, common: int = 64, strangers: int = 32, batches: int = 2) -> None:
        self.common = common
        self.strangers = strangers
        self.batches = batches

    def guess(self, view: View) -> Guess:
        """Candidate id -> score, larger meaning member."""
        facts, labels = gradient_facts(view.public), view.public.need(PopulationFacts).labels
        tokens = public_tokens(view.public)
        asked = dict(
            zip(
                [c.id for c in view.candidates],
                examples_of(facts, [(tokens.encode(c.text), c.label) for c in view.candidates], labels),
                strict=True,
            )
        )
        usable = [record for record in view.public.auxiliary if record.label in labels]
        order = numpy_rng(view).permutation(len(usable)).tolist()
        own = examples_of(facts, [(tokens.encode(str(usable[i].text)), usable[i].label) for i in order], labels)
        half = min(self.common, len(own) // 2)
        common, outside = own[:half], own[half : half + self.strangers]
        spare = own[half + self.strangers :] or outside
        scores = dict.fromkeys(asked, 0.0)
        rounds: dict[int, list[SharedGradient]] = defaultdict(list)
        for shared in shared_gradients(view, every=True):
            rounds[shared.round].append(shared)
        prior = _prior(view, facts)
        for number in sorted(rounds):
            for name, ratio in self._round(view, rounds[number], asked, (common, outside, spare), prior).items():
                scores[name] += ratio
        return scores

    def _round(
        self,
        view: View,
        messages: list[SharedGradient],
        asked: Mapping[str, Example],
        own: tuple[list[Example], list[Example], list[Example]],
        prior: float,
    ) -> dict[str, float]:
        """Log-likelihood ratios of candidates from the messages of one round, all at the same model."""
        facts, (common, outside, spare) = gradient_facts(view.public), own
        learner, like = learner_at(view.public, messages[0]), messages[0]
        names = [name for name in learner.named_trained() if name in like.values]
        size = facts.batch_size * like.clients
        batches = [[spare[(b * size + i) % len(spare)] for i in range(size)] for b in range(self.batches)]
        defended = [_sent(view, learner, batch, names, like) for batch in batches] if view.adaptive else []
        sent = torch.stack([*(flat(one.values, names) for one in messages), *defended])
        background = Background(learner, names, sent, common, outside)
        left = background.shares / like.clients
        if defended:
            left = left.new_full(left.shape, _gain(background, batches, len(messages), facts.batch_size))
        ratios: dict[str, float] = {}
        for candidate in view.candidates:
            rows = [i for i, one in enumerate(messages) if one.sender in (candidate.party, SUM)]
            if rows:
                projected, norm = background(asked[candidate.id])
                shift = left * norm / facts.batch_size
                ratios[candidate.id] = sum(_ratio(float(projected[i]), float(shift[i]), prior) for i in rows)
        return ratios


def _sent(view: View, learner: Learner, batch: Sequence[Example], names: Sequence[str], like: SharedGradient) -> Tensor:
    """The message [D] for an own batch, through the defense."""
    whole = like.clients * gradient_of(learner, batch, names)
    trained = learner.named_trained()
    pieces = whole.split([trained[name].numel() for name in names])
    payload = {n: piece.reshape(trained[n].shape) for n, piece in zip(names, pieces, strict=True)}
    message = Message(Kind.GRADIENT, payload, step=like.round, round=like.round)
    return flat(view.defend([message])[0].tensors(), names)


def _gain(background: Background, batches: Sequence[Sequence[Example]], first: int, each: int) -> float:
    """The share of a member's shift that the defense leaves: projections of the texts of own batches (messages in
    rows ``first`` and following) over those that they would have undefended.
    """
    above = below = 0.0
    for row, batch in enumerate(batches, first):
        for text in batch:
            projected, norm = background(text)
            above += float(projected[row])
            below += float(norm[row]) / each
    return max(above / below, 1e-6)


def _ratio(projected: float, shift: float, prior: float) -> float:
    """log(1 - q + q E N(z; g shift, 1) / N(z; 0, 1)): a member is in this message with probability q, and moves it by
    its shift or, with equal odds, by smaller parts g of that, as batches differ in what a defense leaves of them.
    """
    parts = np.array(PARTS) * shift
    inside = np.logaddexp.reduce(parts * projected - parts**2 / 2) - log(len(parts))
    return float(np.logaddexp(log1p(-prior), log(prior) + inside))


def _prior(view: View, facts: GradientFacts) -> float:
    """Probability that a record of a party is in its batch of a round."""
    population = view.public.need(PopulationFacts)
    if not population.records:
        return 0.1
    each = population.records / max(population.clients or len(population.parties), 1)
    return min(max(facts.batch_size * facts.batches / each, LEAST_SHARE), 0.5)
