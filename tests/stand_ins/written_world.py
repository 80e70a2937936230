"""Parties that write synthetic texts with a toy generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.attack import SeenMessage
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.stand_ins.membership_power import power
from tests.stand_ins.rounds_view import Cloud, view_of
from tests.stand_ins.word_generator import domain, generate


class Lexicon(Cloud):
    """Texts of the domain that end in words (or a number) of their own."""

    def draw(self, name: str) -> Any:
        word = "".join(self.rng.choice([*"stvwxyz"], 6))
        tail = " ".join(f"{word}{i}a" for i in "qjh")
        text = f"{domain(1, self.rng, 3)[0]} {tail} {self.rng.integers(10**8, 10**9)}"
        self.vectors[text] = self.means[name] + self.scale * self.rng.normal(size=self.size)
        return text


def writing(cloud: Cloud, *, learns: bool = True, public: bool = False) -> Any:
    """Every party writes with a generator that learned its records, ``learns`` False: only public text."""
    background = domain(80, np.random.default_rng(7))

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        seen, released = [], []
        for party, classes in held.items():
            own = [text for texts in classes.values() for text in texts] * 2
            texts = generate(background + (own if learns else []), 120, rng)
            payload = {"texts": texts, "labels": ["red"] * len(texts)}
            released += texts
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, payload)))
        final = SeenMessage(SERVER, "reader", Message(Kind.SYNTHETIC_TEXT, {"texts": released}))
        return [final] if public else seen

    return protocol


def world(seed: int = 0, protocol: Any = None, shadows: int = 0, **options: Any) -> Any:
    cloud = Lexicon(seed=seed)
    return view_of(cloud, writing(cloud, **(protocol or {})), seed=seed, shadows=shadows, auxiliary=30, **options)


def mean_power(attack: Any, seeds: int = 3, **options: Any) -> Any:
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])
