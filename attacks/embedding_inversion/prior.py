"""How likely a token is after a prefix, before the message is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from harness.attack import Part, PrefixTree

__all__ = ["LanguagePrior", "Prior", "UnigramPrior", "unigram"]


class Prior(Protocol):
    """Log probabilities ``[B, V]`` of the next token of ``B`` growing texts."""

    def log_probs(self) -> Tensor:
        """Of the next token, ``[B, V]``."""

    def commit(self, ids: Tensor) -> None:
        """Append one token per text, ``[B]``."""

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows [B']`` in this order, repeated or dropped."""


def unigram(sequences: Iterable[Iterable[int]], allowed: Tensor, pseudo: float = 0.05) -> Tensor:
    """Log frequencies ``[V]`` of tokens with ``pseudo`` counts added; minus infinity where not ``allowed [V]``."""
    tokens = [token for sequence in sequences for token in sequence]
    count = torch.bincount(torch.tensor(tokens, dtype=torch.long), minlength=len(allowed)).float() + pseudo
    found = (count / count[allowed].sum()).log()
    return found.masked_fill(~allowed, -torch.inf)


class UnigramPrior:
    """The same log probabilities ``[V]`` after every prefix."""

    def __init__(self, log_frequency: Tensor, rows: int) -> None:
        self._log, self._rows = log_frequency, rows

    def log_probs(self) -> Tensor:
        return self._log.expand(self._rows, -1)

    def commit(self, ids: Tensor) -> None:
        """Nothing to do: the prefix does not matter."""

    def select(self, rows: Tensor) -> None:
        self._rows = len(rows)


class LanguagePrior:
    """The public model's own next-token distribution, mixed with the auxiliary texts' token frequencies.

    ``share`` is the frequencies' weight: they know the register of the texts, the model knows the context.
    """

    def __init__(self, whole: Part, prefix: Tensor, log_frequency: Tensor, share: float = 0.1) -> None:
        self._tree = PrefixTree(whole, prefix)
        if prefix.shape[1] == 0:
            raise ValueError("the language-model prior needs at least one public token before the text")
        self._logits = self._tree.prefix_states[:, -1]
        self._log, self._share = log_frequency, torch.tensor([1 - share, share]).log()

    def log_probs(self) -> Tensor:
        model = torch.log_softmax(self._logits, -1) + self._share[0]
        return torch.logaddexp(model, self._log + self._share[1]).masked_fill(self._log == -torch.inf, -torch.inf)

    @torch.no_grad()
    def commit(self, ids: Tensor) -> None:
        self._logits = self._tree.commit(ids)

    def select(self, rows: Tensor) -> None:
        self._tree.select(rows)
        self._logits = self._logits[rows]
