"""Numbers of texts of each class in a batch, from the gradient of the class head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.toolkit.readers.gradients import (
    SharedGradient,
    gradient_facts,
    learner_at,
    public_tokens,
    shared_gradients,
    whole_ids,
)
from harness.attack import Attack, GradientFacts, PopulationFacts, padded

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Learner, Public, View

__all__ = ["GradientLabels", "whole_numbers"]


class GradientLabels(Attack):
    """dL/db of the class head is the mean of p - y over the batch, so that counts are what auxiliary texts are usually
    given as chances, less that gradient. A head without bias has it along the mean of features, which auxiliary texts
    tell, too. Rounded to whole numbers of the batch's size.
    """

    name: ClassVar[str] = "gradient_labels"
    summary: ClassVar[str] = "class counts of a batch from the class head's gradient"
    source: ClassVar[str] = "Zhao, Mopuri and Bilen (2020), iDLG; Wainakh et al. (2022), LLG, section 4"
    secret: ClassVar[str] = "count"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, texts: int = 64) -> None:
        self.texts = texts

    def refuses(self, public: Public) -> str | None:
        """Needs a class head."""
        lacking = super().refuses(public)
        if lacking is None and gradient_facts(public).learner.get("task") != "classification":
            return "made for classification"
        return lacking

    def guess(self, view: View) -> Guess:
        """Sender -> class -> number."""
        labels = view.public.need(PopulationFacts).labels
        facts = gradient_facts(view.public)
        totals: dict[str, Tensor] = {}
        for shared in shared_gradients(view):
            learner = learner_at(view.public, shared)
            counts = facts.batch_size * self._shares(view.public, shared, learner)
            whole = whole_numbers(counts, facts.batch_size * shared.clients)
            totals[shared.sender] = totals.get(shared.sender, torch.zeros(len(whole))) + whole
        return {
            sender: {label: float(n) for label, n in zip(labels, counts.tolist(), strict=True)}
            for sender, counts in totals.items()
        }

    @torch.no_grad()
    def _shares(self, public: Public, shared: SharedGradient, learner: Learner) -> Tensor:
        """Shares of the classes [C] in each client's batch, added up over clients, not rounded."""
        facts, tokens = gradient_facts(public), public_tokens(public)
        own = [tokens.encode(record.text)[: facts.max_tokens] for record in public.auxiliary[: self.texts]]
        ids, mask = padded([whole_ids(facts, text) for text in own])
        features = learner.pooled(learner.part(ids, mask=mask), mask)
        assert learner.classifier is not None
        chances = learner.classifier(features).softmax(-1).mean(0)
        moved = shared.values.get("classifier.bias")
        weight = shared.values.get("classifier.weight")
        if moved is None and weight is not None:
            mean = features.mean(0)
            moved = weight @ mean / mean.square().sum()
        shares: Tensor = shared.clients * chances - (0 if moved is None else moved)
        return shares


def whole_numbers(values: Tensor, total: int) -> Tensor:
    """Whole numbers of sum ``total`` near ``values``: negative ones become 0, the largest remainders are rounded up."""
    values = values.double().clamp_min(0)
    scaled = values * total / values.sum().clamp_min(1e-30)
    whole = scaled.floor()
    missing = int(total - whole.sum())
    whole[(scaled - whole).argsort(descending=True)[:missing]] += 1
    return whole
