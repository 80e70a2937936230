"""The server's public generators: first texts, variations, and texts from contrastive prompts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch

from harness.scenario import Floats, Net, load_tokens, tokenizer_folder
from scenarios.synthetic_fusion.generation import BATCH, Writer
from scenarios.synthetic_fusion.prompts import contrast, in_turn, listing, rephrase
from scenarios.synthetic_fusion.voting import allotted, generator_shares

__all__ = ["Evolution"]

Written = tuple[list[str], list[str], list[str]]
"""Texts, labels, names of the generators that wrote them; none blank."""

PROMPTS = 3
"""Different draws of samples for the prompts of a label and round, as many texts as there may be."""


class Evolution:
    """What the server does with its generators; every draw is from the net's generator."""

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
        return self._written(
            [
                (k, label, listing(self._instruction(k), self.s["prefixes"], (), label))
                for label in sorted(self.s["prefixes"])
                for k, count in enumerate(allotted(torch.tensor(equal).numpy(), self.s["texts"]))
                for _ in range(count)
            ]
        )

    def varied(self, texts: Sequence[str], labels: Sequence[str], count: int) -> Written:
        """``count`` variations of each text, by the setting ``variation``."""
        if self.s["variation"] == "continue":
            return self._continued([*texts] * count, [*labels] * count)
        asked = [(text, label) for _ in range(count) for text, label in zip(texts, labels, strict=True)]
        turns = [i % len(self.names) for i in range(len(asked))]
        return self._written(
            [(k, label, rephrase(self.s["prefixes"], t, label)) for k, (t, label) in zip(turns, asked, strict=True)]
        )

    def contrasted(
        self, near: Sequence[Sequence[str]], far: Sequence[Sequence[str]], classes: Sequence[str], shares: Floats
    ) -> Written:
        """Texts of every label after its near and far samples, generators by ``shares``; half of the samples a
        prompt, drawn anew for each of a few prompts."""
        asked = []
        for label, good, bad in zip(classes, near, far, strict=True):
            draws = [(self._half(bad), self._half(good)) for _ in range(PROMPTS)]
            turn = 0
            for k, count in enumerate(allotted(shares, self.s["texts"])):
                for _ in range(count):
                    prompt = contrast(self._instruction(k), self.s["prefixes"], *draws[turn % PROMPTS], label)
                    asked.append((k, label, prompt))
                    turn += 1
        return self._written(asked)

    def shares(self, near: Floats, owners: Sequence[str]) -> Floats:
        """Shares of the generators in the next texts, by the near votes for their former ones."""
        return generator_shares(near, [self.names.index(owner) for owner in owners], len(self.names))

    def _instruction(self, k: int) -> str:
        found: str = in_turn(self.s["instructions"], k)
        return found

    def _half(self, texts: Sequence[str]) -> list[str]:
        order = torch.randperm(len(texts), generator=self.generator).tolist()
        return [texts[i] for i in order[: (len(texts) + 1) // 2]]

    def _written(self, asked: Sequence[tuple[int, str, str]]) -> Written:
        """One text for each (generator, label, prompt)."""
        found: list[tuple[str, str, str]] = []
        for k, some in groupby(sorted(asked, key=lambda one: one[0]), key=lambda one: one[0]):
            mine = list(some)
            texts = self.writers[k].write([prompt for _, _, prompt in mine], self.generator)
            found += [(t, label, self.names[k]) for t, (_, label, _) in zip(texts, mine, strict=True) if t]
        return _columns(found)

    def _continued(self, texts: Sequence[str], labels: Sequence[str]) -> Written:
        """Each text's first half, written on by a generator. Texts of like length share a batch and the number of
        tokens that is kept, half of the shortest."""
        tokens = self.writers[0].tokens
        rows = [(tokens.encode(" " + t), label) for t, label in zip(texts, labels, strict=True)]
        rows.sort(key=lambda row: (row[1], len(row[0])))
        found: list[tuple[str, str, str]] = []
        for turn, start in enumerate(range(0, len(rows), BATCH)):
            k = turn % len(self.names)
            for label, some in groupby(rows[start : start + BATCH], key=lambda row: row[1]):
                bodies = [ids for ids, _ in some]
                keep = max(1, len(bodies[0]) // 2)
                head = tokens.encode(listing(self._instruction(k), self.s["prefixes"], (), label))
                prompts = [[*head, *ids[:keep]] for ids in bodies]
                lines = self.writers[k].continue_from(prompts, self.generator, kept=keep)
                found += [(line, label, self.names[k]) for line in lines if line]
        return _columns(found)


def _columns(rows: Sequence[tuple[str, str, str]]) -> Written:
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
