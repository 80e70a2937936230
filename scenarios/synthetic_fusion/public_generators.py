"""The server's public generators: first texts, and texts from prompts or beginnings that a method makes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch

from harness.scenario import Net, load_tokens, tokenizer_folder
from scenarios.synthetic_fusion.generation import BATCH, Writer
from scenarios.synthetic_fusion.prompts import in_turn, listing
from scenarios.synthetic_fusion.votes import allotted

__all__ = ["PublicGenerators", "Written"]

Written = tuple[list[str], list[str], list[str]]
"""Texts, labels, names of the generators that wrote them; none blank."""


class PublicGenerators:
    """Generators that only the server runs; every draw is from the net's generator."""

    def __init__(self, net: Net) -> None:
        self.s = net.settings
        self.generator = net.generator
        tokens = load_tokens(tokenizer_folder(self.s["model"]))
        heat, size = self.s["temperatures"], (self.s["max_tokens"], self.s["top_p"])
        self.names = [f"generator{k}" for k in range(self.s["generators"])]
        self.writers = [
            Writer(net.part("generator"), tokens, size[0], in_turn(heat, k), size[1]) for k in range(len(self.names))
        ]

    def initial(self) -> Written:
        """Texts of every label, the generators taking turns."""
        equal = [1 / len(self.names)] * len(self.names)
        return self.written(
            [
                (k, label, listing(self.instruction(k), self.s["prefixes"], (), label))
                for label in sorted(self.s["prefixes"])
                for k, count in enumerate(allotted(torch.tensor(equal).numpy(), self.s["texts"]))
                for _ in range(count)
            ]
        )

    def instruction(self, number: int) -> str:
        """First line of a generator's prompts."""
        instruction: str = in_turn(self.s["instructions"], number)
        return instruction

    def half(self, texts: Sequence[str]) -> list[str]:
        """A random half of the texts, rounded up, in random order."""
        order = torch.randperm(len(texts), generator=self.generator).tolist()
        return [texts[i] for i in order[: (len(texts) + 1) // 2]]

    def written(self, asked: Sequence[tuple[int, str, str]]) -> Written:
        """One text for each (generator, label, prompt)."""
        rows: list[tuple[str, str, str]] = []
        for k, group in groupby(sorted(asked, key=lambda request: request[0]), key=lambda request: request[0]):
            requests = list(group)
            texts = self.writers[k].write([prompt for _, _, prompt in requests], self.generator)
            rows += [(t, label, self.names[k]) for t, (_, label, _) in zip(texts, requests, strict=True) if t]
        return _columns(rows)

    def continued(self, texts: Sequence[str], labels: Sequence[str]) -> Written:
        """Each text's first half, written on by a generator.

        Texts of like length share a batch and the number of tokens that is kept, half of the shortest.
        """
        tokens = self.writers[0].tokens
        beginnings = [(tokens.encode(" " + t), label) for t, label in zip(texts, labels, strict=True)]
        beginnings.sort(key=lambda pair: (pair[1], len(pair[0])))
        rows: list[tuple[str, str, str]] = []
        for turn, start in enumerate(range(0, len(beginnings), BATCH)):
            k = turn % len(self.names)
            for label, group in groupby(beginnings[start : start + BATCH], key=lambda pair: pair[1]):
                bodies = [ids for ids, _ in group]
                keep = max(1, len(bodies[0]) // 2)
                head = tokens.encode(listing(self.instruction(k), self.s["prefixes"], (), label))
                prompts = [[*head, *ids[:keep]] for ids in bodies]
                lines = self.writers[k].continue_from(prompts, self.generator, begun=keep)
                rows += [(line, label, self.names[k]) for line in lines if line]
        return _columns(rows)


def _columns(rows: Sequence[tuple[str, str, str]]) -> Written:
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
