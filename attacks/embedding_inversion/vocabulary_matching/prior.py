"""Probability of a token after a prefix, before the message is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from harness.attack import Part, PrefixTree

__all__ = ["LanguagePrior", "LazyPrior", "Prior", "UnigramPrior", "unigram"]


class Prior(Protocol):
    """Log probabilities ``[B, V]`` of the next token of ``B`` growing texts."""

    def log_probs(self) -> Tensor:
        """Log probabilities of the next token, ``[B, V]``."""

    def commit(self, ids: Tensor) -> None:
        """Append one token per text, ``[B]``."""

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows [B']`` in this order, repeated or dropped."""


def unigram(sequences: Iterable[Iterable[int]], allowed: Tensor, pseudo: float = 0.05) -> Tensor:
    """Log frequencies ``[V]`` of tokens with ``pseudo`` counts added; minus infinity where not ``allowed [V]``."""
    tokens = [token for sequence in sequences for token in sequence]
    count = torch.bincount(torch.tensor(tokens, dtype=torch.long), minlength=len(allowed)).float() + pseudo
    shares = (count / count[allowed].sum()).log()
    return shares.masked_fill(~allowed, -torch.inf)


class UnigramPrior:
    """Log probabilities ``[V]`` that are equal after every prefix."""

    def __init__(self, log_frequency: Tensor, rows: int) -> None:
        self._log, self._rows = log_frequency, rows

    def log_probs(self) -> Tensor:
        """Log probabilities of the next token, ``[B, V]``."""
        return self._log.expand(self._rows, -1)

    def commit(self, ids: Tensor) -> None:
        """Nothing to do: the prefix does not matter."""

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows [B']``, in this order."""
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
        """Log probabilities of the next token, ``[B, V]``."""
        model = torch.log_softmax(self._logits, -1) + self._share[0]
        return torch.logaddexp(model, self._log + self._share[1]).masked_fill(self._log == -torch.inf, -torch.inf)

    @torch.no_grad()
    def commit(self, ids: Tensor) -> None:
        """Append one token per text, ``[B]``."""
        self._logits = self._tree.commit(ids)

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows [B']``, in this order."""
        self._tree.select(rows)
        self._logits = self._logits[rows]

    def extend(self, other: LanguagePrior) -> None:
        """Take the texts of another prior in, after the own ones; they must be as long."""
        self._tree.extend(other._tree)
        self._logits = torch.cat([self._logits, other._logits])


class LazyPrior:
    """The language model's distribution for texts that have asked for it, frequencies alone for the others.

    The model reads a text when it asks, and may follow it from then on: where messages decide by themselves it never
    runs.
    """

    def __init__(self, whole: Part, log_frequency: Tensor, rows: int) -> None:
        self._whole, self._log = whole, log_frequency
        self._model: LanguagePrior | None = None
        self._at = torch.full((rows,), -1, device=log_frequency.device)
        """Row of every text in the model's prior; -1: it is not followed."""
        self._once: tuple[Tensor, Tensor] | None = None
        """Texts that are read for this position alone, and their log probabilities."""

    @property
    def asked(self) -> Tensor:
        """Texts ``[B]`` that the model follows."""
        return self._at >= 0

    def ask(self, rows: Tensor, ids: Tensor, follow: bool = True) -> None:
        """Let the model read the texts ``rows`` too, which are ``ids [len(rows), t]`` so far, and follow them on."""
        new = LanguagePrior(self._whole, ids, self._log)
        if not follow:
            self._once = rows, new.log_probs()
            return
        self._at[rows] = int(self.asked.sum()) + torch.arange(len(rows), device=rows.device)
        if self._model is None:
            self._model = new
        else:
            self._model.extend(new)

    def log_probs(self) -> Tensor:
        """Log probabilities of the next token, ``[B, V]``."""
        if self._model is not None and bool(self.asked.all()):
            return self._model.log_probs()[self._at]
        shares = self._log.repeat(len(self._at), 1)
        if self._model is not None:
            shares[self.asked] = self._model.log_probs()[self._at[self.asked]]
        if self._once is not None:
            shares[self._once[0]] = self._once[1]
        return shares

    def commit(self, ids: Tensor) -> None:
        """Append one token per text, ``[B]``."""
        self._once = None
        if self._model is not None:
            followed = torch.empty_like(self._at[self.asked])
            followed[self._at[self.asked]] = ids[self.asked]
            self._model.commit(followed)

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows [B']``, in this order."""
        self._at, self._once = self._at[rows], None
        if self._model is None:
            return
        if bool(self.asked.any()):
            self._model.select(self._at[self.asked])
            self._at[self.asked] = torch.arange(int(self.asked.sum()), device=rows.device)
        else:
            self._model = None
