"""Sampling texts from a language model in batches, one line each.

Prompts of equal length share a batch and equal prompts are read once, so that nothing is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Tokens
from scenarios.synthetic_fusion.prompts import tidy

__all__ = ["Writer", "nucleus"]

BATCH = 32
LEAST = 3
"""Tokens before a line may end."""


@dataclass
class Writer:
    """A causal model part with its head, asked for texts of at most ``new_tokens`` tokens."""

    model: Any
    """Part or metered part: ``model(ids [B, T], cache) -> logits``, ``model.new_cache()``."""
    tokens: Tokens
    new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    _ends: dict[int, bool] = field(default_factory=dict)

    def write(self, prompts: Sequence[str], generator: torch.Generator) -> list[str]:
        """One line for each prompt; blank ones come back blank."""
        return self.continue_from([self.tokens.encode(prompt) for prompt in prompts], generator)

    def continue_from(self, prompts: Sequence[list[int]], generator: torch.Generator, *, begun: int = 0) -> list[str]:
        """One line for each prompt of token ids, in the order of ``prompts``; its last ``begun`` tokens are part of the
        line and of its length.
        """
        lengths: dict[int, list[int]] = {}
        for place, prompt in enumerate(prompts):
            lengths.setdefault(len(prompt), []).append(place)
        texts = [""] * len(prompts)
        for places in lengths.values():
            for start in range(0, len(places), BATCH):
                some = places[start : start + BATCH]
                for place, text in zip(some, self._batch([prompts[i] for i in some], generator, begun), strict=True):
                    texts[place] = text
        return texts

    def _batch(self, prompts: list[list[int]], generator: torch.Generator, begun: int) -> list[str]:
        different = list(dict.fromkeys(map(tuple, prompts)))
        row = {prompt: i for i, prompt in enumerate(different)}
        cache = self.model.new_cache()
        start = [*self.tokens.prefix]
        logits = self.model(torch.tensor([[*start, *prompt] for prompt in different]), cache)[:, -1]
        rows = torch.tensor([row[tuple(prompt)] for prompt in prompts])
        cache.select(rows)
        logits, open_rows = logits[rows], torch.arange(len(prompts))
        written = [prompt[len(prompt) - begun :] for prompt in prompts]
        for step in range(begun, self.new_tokens):
            chosen = self.draw(logits, step, generator)
            going = torch.tensor([not self.ends_line(int(token)) for token in chosen], dtype=torch.bool)
            for place, token in zip(open_rows[going].tolist(), chosen[going].tolist(), strict=True):
                written[place].append(token)
            open_rows, chosen = open_rows[going], chosen[going]
            if not len(open_rows) or step == self.new_tokens - 1:
                break
            cache.select(going.nonzero().flatten())
            logits = self.model(chosen[:, None], cache)[:, -1]
        return [tidy(self.tokens.decode(ids)) for ids in written]

    def draw(self, logits: Tensor, step: int, generator: torch.Generator) -> Tensor:
        """Token ids [B]; an early end of line is drawn again, from the tokens that do not end it: those of the nucleus,
        or all where the nucleus has none.
        """
        p = nucleus(logits / self.temperature, self.top_p)
        chosen = torch.multinomial(p, 1, generator=generator)[:, 0]
        while step < LEAST and (early := [i for i, t in enumerate(chosen.tolist()) if self.ends_line(t)]):
            p[early, chosen[early]] = 0.0
            for row in (i for i in early if not bool(p[i].any())):
                p[row] = self._going_on(logits[row])
            chosen[early] = torch.multinomial(p[early], 1, generator=generator)[:, 0]
        return chosen

    def _going_on(self, logits: Tensor) -> Tensor:
        """Probabilities [V] of the tokens that do not end a line."""
        ends = torch.tensor([self.ends_line(token) for token in range(len(logits))])
        return torch.softmax((logits / self.temperature).masked_fill(ends, -torch.inf), -1)

    def ends_line(self, token: int) -> bool:
        """True for special tokens and those with a line break."""
        if token not in self._ends:
            ends = token in self.tokens.special_ids or "\n" in self.tokens.engine.decode([token])
            self._ends[token] = ends
        return self._ends[token]


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Probabilities [B, V] of the smallest set of tokens with mass ``top_p`` or more (Holtzman et al. 2020)."""
    p = torch.softmax(logits, -1)
    if top_p >= 1:
        return p
    falling, order = p.sort(-1, descending=True)
    falling[falling.cumsum(-1) - falling >= top_p] = 0.0
    likely = torch.zeros_like(p).scatter(-1, order, falling)
    return likely / likely.sum(-1, keepdim=True)
