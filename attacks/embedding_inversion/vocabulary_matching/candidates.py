"""Ranking of all tokens by one message alone, before any context is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from attacks.toolkit.defense_channel.channel import Channel
from attacks.toolkit.ridge import Linear, fit_ridge
from harness.attack import Part

__all__ = ["Decoder", "Discriminant", "ExactDecoder", "StateLaw", "fit_discriminant", "fit_state_law"]

JITTER, TINY = 1e-4, 1e-12
"""Added to each variance, relative and absolute, so that every covariance has an inverse."""
SUBSET = 128
"""Coordinates compared where some are withheld; the others of that message are left aside."""


class Decoder(Protocol):
    """Scores of all tokens for messages of one position."""

    def scores(self, message: Tensor, position: int) -> Tensor:
        """``log p(message | token)`` up to a constant per message: ``[n, e] -> [n, V]``."""

    def estimate(self, message: Tensor, position: int) -> Tensor:
        """Input embeddings ``[n, d]`` that the messages suggest, where a search may start."""

    def context(self, states: Tensor, tokens: Tensor) -> Tensor | None:
        """The text before, as what it adds to all tokens' messages, ``[n, e]``, seen on ``states [n, K, d]`` of
        ``tokens [n, K]``; None where nothing is learned from it."""


@dataclass(frozen=True)
class StateLaw:
    """States of a token in all its contexts: ``N(mean(embedding), covariance)``, the mean linear in the embedding."""

    mean: Linear
    covariance: Tensor
    """``[e, e]``, float64."""
    means: Tensor
    """``mean`` of every token's embedding, ``[V, e]``."""

    @cached_property
    def axes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Principal axes ``[e, e]`` of the covariance (with its :data:`JITTER`), variances along them ``[e]`` and the
        means in these coordinates ``[V, e]``: isotropic noise of any size changes the variances alone.
        """
        jitter = JITTER * torch.diag(self.covariance.diagonal())
        variances, axes = torch.linalg.eigh(self.covariance + jitter)
        return axes, variances.clamp_min(0) + TINY, self.means @ axes.to(self.means.dtype)


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant analysis with one class per token (Fisher 1936; Hastie et al. 2009, section 4.3).

    Class means follow from the embedding table, so that tokens never seen in training have one as well; the
    channel's noise enters by its covariance.
    """

    channel: Channel
    means: Tensor
    """``[V, e]``."""
    whiten: Tensor
    """Inverse square root of the within-class covariance, noise included, ``[e, e]``."""
    covariance: Tensor
    whitened: Tensor
    half: Tensor
    """Half the squared norm of each row of ``whitened``, ``[V]``."""
    table: Tensor

    @torch.no_grad()
    def scores(self, message: Tensor, position: int) -> Tensor:
        """Log densities of messages of one position under every token, ``[n, V]``."""
        left = self.channel.centre(message[None], position)[0]
        if not self.channel.withheld:
            scores: Tensor = (left @ self.whiten) @ self.whitened.T - self.half
            return scores
        return torch.stack([self._partial(row, sent != 0) for row, sent in zip(left, message, strict=True)])

    def estimate(self, message: Tensor, position: int) -> Tensor:
        """The most plausible token's embedding."""
        return self.table[self.scores(message, position).argmax(-1)]

    @torch.no_grad()
    def context(self, states: Tensor, tokens: Tensor) -> Tensor | None:
        """Mean difference of moved states from their tokens' means."""
        if self.channel.withheld:
            return None
        return (self.channel.map.expect(states) - self.means[tokens]).mean(1)

    def _partial(self, left: Tensor, sent: Tensor) -> Tensor:
        """Scores ``[V]`` from the largest of the coordinates that were sent: their own marginal Gaussian."""
        size = (left.abs() + 1).masked_fill(~sent, 0)
        where = size.topk(min(SUBSET, max(1, int(sent.sum())))).indices
        root = _whitener(self.covariance[where][:, where]).to(left.dtype)
        table = self.means[:, where] @ root
        return table @ (left[where] @ root) - table.square().sum(1) / 2


@dataclass(frozen=True)
class ExactDecoder:
    """At cut 0 a message depends on its own token alone: the likelihood itself, over the whole vocabulary."""

    part: Part
    channel: Channel

    @torch.no_grad()
    def scores(self, message: Tensor, position: int) -> Tensor:
        """Log densities of messages of one position under every token, ``[n, V]``."""
        tokens = torch.arange(self.part.vocab_size, device=self.part.device)[None]
        states = self.part.embed(tokens, torch.full_like(tokens, position))[0]
        return self.channel.screen(message, states, position)

    def estimate(self, message: Tensor, position: int) -> Tensor:
        """Embedding ``[n, d]`` of the likeliest token."""
        return self.part.embed_table[self.scores(message, position).argmax(-1)]

    def context(self, states: Tensor, tokens: Tensor) -> None:
        """Nothing: there is no text before."""


def fit_state_law(states: Tensor, ids: Tensor, table: Tensor, penalty: float = 10.0) -> StateLaw:
    """Fit on ``states [n, e]`` of known tokens ``ids [n]``: ridge from embeddings, covariance of what it leaves."""
    mean = fit_ridge(table[ids], states, penalty)
    rest = states - mean(table[ids])
    rest = rest - rest.mean(0)
    freedom = max(len(rest) - table.shape[1], (len(rest) + 3) // 4)
    return StateLaw(mean, rest.double().T @ rest.double() / freedom, mean(table))


def fit_discriminant(channel: Channel, law: StateLaw, table: Tensor) -> Discriminant:
    """The discriminant of messages, from the ``law`` of states that the channel's map has moved already."""
    variance = channel.noise.variance.double().expand(len(law.covariance))
    covariance = law.covariance + torch.diag(variance)
    covariance = covariance + JITTER * torch.diag(covariance.diagonal()) + TINY * torch.eye(len(covariance))
    if bool((variance == variance[0]).all()):
        axes, spread, means = law.axes
        scale = (spread + (1 + JITTER) * variance[0]).rsqrt()
        whiten, whitened = (axes * scale).to(table.dtype), means * scale.to(table.dtype)
    else:
        whiten = _whitener(covariance).to(table.dtype)
        whitened = law.means @ whiten
    return Discriminant(channel, law.means, whiten, covariance, whitened, whitened.square().sum(1) / 2, table)


def _whitener(covariance: Tensor) -> Tensor:
    """``W`` with ``W W' = covariance^-1``."""
    factor = torch.linalg.cholesky(covariance)
    eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    inverse: Tensor = torch.linalg.solve_triangular(factor, eye, upper=False)
    return inverse.T
