"""How far gradients that were sent point the way of a single text's own gradient.

A batch's gradient is the mean of its texts' gradients, so that a text that is in it moves the inner product with its
own gradient by a known amount, while noise, however many coordinates it has, moves it by that of one coordinate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.attack import GradientFacts, Learner, padded

__all__ = ["Background", "Example", "flat", "gradient_of"]


@dataclass(frozen=True)
class Example:
    """A text as it enters the model, with its class number (0 in language modelling)."""

    ids: Sequence[int]
    label: int


def flat(values: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """The named tensors as one vector [D], in this order."""
    return torch.cat([values[name].float().reshape(-1) for name in names])


def gradient_of(learner: Learner, examples: Sequence[Example], names: Sequence[str]) -> Tensor:
    """Gradient [D] of the mean loss over examples towards the named trained parameters."""
    ids, mask = padded([list(one.ids) for one in examples])
    loss = learner.loss((ids, mask, torch.tensor([one.label for one in examples])))
    trained = learner.named_trained()
    own = [trained[name] for name in names]
    parts = torch.autograd.grad(loss, own, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros_like(p) if part is None else part).float().reshape(-1)
            for p, part in zip(own, parts, strict=True)
        ]
    )


class Background:
    """What messages [m, D] of one round hold of texts in general, and how a single text stands out of it.

    Messages and texts lose what all texts of a class have in common: the classes' mean gradients over ``common``, which
    a message holds in unknown shares (least squares). What is left of a message is set against what is left of a text:
    ``cosine`` gives the projections, whose mean and spread over texts that are in no batch (``outside``) are those of a
    stranger.
    """

    def __init__(
        self,
        learner: Learner,
        names: Sequence[str],
        messages: Tensor,
        common: Sequence[Example],
        outside: Sequence[Example],
    ) -> None:
        self._learner = learner
        self._names = list(names)
        kinds = sorted({one.label for one in common})
        self._row = {kind: row for row, kind in enumerate(kinds)}
        groups = [[one for one in common if one.label == kind] for kind in kinds]
        self._means = torch.stack([gradient_of(learner, group, names) for group in groups])
        shares = torch.linalg.lstsq(self._means.double().T, messages.double().T, driver="gelsd").solution
        self._left = messages - shares.T.float() @ self._means
        self.shares = shares.sum(0).clamp_min(1e-6)
        """For each message the sum of the classes' shares [m]: 1 for each client, unless the message was scaled."""
        seen = torch.stack([self._projected(one)[0] for one in outside])
        self._centre, self._spread = seen.mean(0), seen.std(0).clamp_min(1e-12)

    def __call__(self, example: Example) -> tuple[Tensor, Tensor]:
        """Of a text, in units of a stranger's spread in each message [m]: its projection, and the norm of its own
        gradient without the common part.
        """
        projected, size = self._projected(example)
        return (projected - self._centre) / self._spread, size / self._spread

    def _projected(self, example: Example) -> tuple[Tensor, Tensor]:
        own = gradient_of(self._learner, [example], self._names)
        if example.label in self._row:
            own = own - self._means[self._row[example.label]]
        size = own.norm().clamp_min(1e-20)
        return (self._left @ own / size).double(), size.double()


def examples_of(
    facts: GradientFacts, texts: Iterable[tuple[list[int], str | None]], labels: Sequence[str]
) -> list[Example]:
    """Texts as token ids with their labels, as examples."""
    prefix, suffix = list(facts.prefix), list(facts.suffix)
    numbers = {name: i for i, name in enumerate(labels)}
    return [Example([*prefix, *ids[: facts.max_tokens], *suffix], numbers.get(str(label), 0)) for ids, label in texts]
