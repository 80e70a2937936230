"""Inner products of gradients that were sent with a single text's own gradient.

A batch's gradient is the mean of its texts' gradients, so that a text that is in it moves the inner product with its
own gradient by a known amount, while noise, however many coordinates it has, moves it by that of one coordinate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.attack import GradientFacts, Learner, padded

__all__ = ["Background", "Example", "examples_of", "flat", "gradient_of"]

SMALLEST = 1e-6
"""Tensors of which texts move less than this share of what they move the most are rounding errors."""
LEAST_COSINE = 0.01
"""Spread that strangers have at least, as a share of a message: those that are known are few."""


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
    """Messages [m, D] of one round, without what texts have in common, against which a single text is held.

    Tensor by tensor, as a class head may have most of a gradient's norm and little that is a text's own: messages and
    texts lose what all texts of a class have in common, the classes' mean gradients over ``common``, which a message
    holds in unknown shares (least squares). What is left of a message is projected on what is left of a text; tensors
    count by the inverse variance of a stranger's projections, as in a likelihood ratio of independent normal ones. The
    law of a stranger comes from ``outside``, texts that are in no batch.
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
        trained = learner.named_trained()
        self._sizes = [trained[name].numel() for name in names]
        kinds = sorted({one.label for one in common})
        self._row = {kind: row for row, kind in enumerate(kinds)}
        groups = [[one for one in common if one.label == kind] for kind in kinds]
        self._means = torch.stack([gradient_of(learner, group, names) for group in groups])
        shares = _shares(self._means, messages)
        self.shares = shares.sum(0).clamp_min(1e-6)
        """For each message the sum of the classes' shares [m]: 1 for each client, unless the message was scaled."""
        self._left = [
            block - _shares(mean, block).T.float() @ mean
            for block, mean in zip(self._blocks(messages), self._blocks(self._means), strict=True)
        ]
        seen = [self._projected(one) for one in outside]
        sizes = torch.stack([one for _, one in seen])
        variances = torch.stack([dots for dots, _ in seen]).var(0).mean(0)
        whole = torch.stack([block.double().square().sum(1).mean() for block in self._blocks(messages)])
        moved = (sizes.mean(0) > SMALLEST * sizes.max()) & (whole > 0)
        self._weights = torch.where(moved, 1 / torch.maximum(variances, LEAST_COSINE**2 * whole), 0.0)
        sums = torch.stack([self._sum(*one)[0] for one in seen])
        self._centre, self._spread = sums.mean(0), sums.std(0).clamp_min(1e-12)

    def __call__(self, example: Example) -> tuple[Tensor, Tensor]:
        """For each message, two numbers of a text [m] in units of a stranger's spread: how far the message goes its
        way, and how far it would if it were the gradient of that text alone.
        """
        total, move = self._sum(*self._projected(example))
        return (total - self._centre) / self._spread, move / self._spread

    def _sum(self, dots: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """The tensors' projections [m, k] together [m], of spread 1 were they independent, and the move by the text."""
        move = (self._weights * sizes.square()).sum().clamp_min(1e-30).sqrt()
        return dots @ (self._weights * sizes) / move, move

    def _projected(self, example: Example) -> tuple[Tensor, Tensor]:
        """Projections [m, k] of what is left of messages on what is left of a text, and its norms [k], by tensor."""
        own = gradient_of(self._learner, [example], self._names)
        if example.label in self._row:
            own = own - self._means[self._row[example.label]]
        blocks = self._blocks(own[None])
        sizes = torch.stack([block.norm() for block in blocks])
        dots = [left @ block[0] for left, block in zip(self._left, blocks, strict=True)]
        return (torch.stack(dots, 1) / sizes.clamp_min(1e-20)).double(), sizes.double()

    def _blocks(self, rows: Tensor) -> tuple[Tensor, ...]:
        return torch.split(rows, self._sizes, 1)


def _shares(means: Tensor, messages: Tensor) -> Tensor:
    """Shares [C, m] of the means [C, n] in messages [m, n], by least squares."""
    shares: Tensor = torch.linalg.lstsq(means.double().T, messages.double().T, driver="gelsd").solution
    return shares


def examples_of(
    facts: GradientFacts, texts: Iterable[tuple[list[int], str | None]], labels: Sequence[str]
) -> list[Example]:
    """Texts as token ids with their labels, as examples."""
    prefix, suffix = list(facts.prefix), list(facts.suffix)
    numbers = {name: i for i, name in enumerate(labels)}
    return [Example([*prefix, *ids[: facts.max_tokens], *suffix], numbers.get(str(label), 0)) for ids, label in texts]
