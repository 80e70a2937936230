"""A stand-in for the harness's View of a protocol in rounds, over embeddings that are drawn, not computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.attack import Candidate, DefenseCard, Facts, NoiseLaw, PopulationFacts, Public, SeenMessage, Shadow
from harness.data.record import Item, make
from tests.stand_ins.absent import NoSessions

__all__ = ["Cloud", "RoundsView", "view_of", "with_facts", "without_facts"]


@dataclass
class Cloud:
    """Texts ``class number`` with Gaussian embeddings around their class's mean; the encoder of a toy world."""

    classes: tuple[str, ...] = ("red", "green", "blue")
    size: int = 24
    spread: float = 1.0
    seed: int = 0
    vectors: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.means = {name: 2 * self.rng.normal(size=self.size) for name in self.classes}
        self.scale = self.spread * np.arange(1, self.size + 1) ** -0.25

    def draw(self, name: str) -> str:
        """A new text of a class."""
        text = f"{name} {len(self.vectors)}"
        self.vectors[text] = self.means[name] + self.scale * self.rng.normal(size=self.size)
        return text

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.stack([self.vectors[text] for text in texts]) if texts else np.zeros((0, self.size))


@dataclass
class RoundsView(NoSessions):
    """See :class:`harness.attack.View`; shadows are made once."""

    cloud: Cloud
    public: Public
    candidates: tuple[Candidate, ...]
    transcript: Sequence[SeenMessage]
    bank: Sequence[Shadow] = ()
    members: Mapping[str, bool] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    adaptive: bool = True
    laws: tuple[NoiseLaw, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    held: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    """Records of each party; not for the attacker, who learns all of it but the candidate."""

    def __post_init__(self) -> None:
        self.rng = torch.Generator().manual_seed(5)
        self.defense = DefenseCard("lab", {}, "", self.laws)

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        return self.bank[:n]

    def embed(self, texts: Sequence[str], encoder: Any = None) -> Tensor:
        return torch.from_numpy(self.cloud.embed(texts))

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        asked = next(one for one in self.candidates if one.id == candidate)
        return {party: [r for r in records if r.text != asked.text] for party, records in self.held.items()}

    @property
    def labels(self) -> list[int]:
        """Marks of candidates that are members."""
        return [int(self.members[one.id]) for one in self.candidates]


def with_facts(public: Public, facts: Facts) -> Public:
    """The public side with these facts in place of any of their class."""
    return replace(public, facts=(*without_facts(public, type(facts)).facts, facts))


def without_facts(public: Public, kind: type[Facts]) -> Public:
    """The public side without the facts of a class."""
    return replace(public, facts=tuple(facts for facts in public.facts if not isinstance(facts, kind)))


Protocol = Callable[[Mapping[str, Mapping[str, list[str]]], np.random.Generator], Sequence[SeenMessage]]
"""Party -> class -> texts, and a generator -> what the coalition sees."""


def view_of(
    cloud: Cloud,
    protocol: Protocol,
    *,
    parties: int = 4,
    candidates: int = 4,
    sizes: Sequence[int] = (1, 3, 6),
    auxiliary: int = 200,
    shadows: int = 0,
    seed: int = 0,
    population: Mapping[str, Any] | None = None,
    facts: Sequence[Facts] = (),
    **options: Any,
) -> RoundsView:
    """A run of ``protocol`` and its shadows: ``candidates`` per party and class, half of them in, and others.

    ``sizes`` are the possible numbers of other records of a class; ``population`` changes what is public about parties
    and records, and ``facts`` are public besides.
    """
    rng = np.random.default_rng(seed)
    names = [f"client{k}" for k in range(parties)]
    asked = tuple(
        Candidate(f"{party}.{name}.{i}", cloud.draw(name), name, party)
        for party in names
        for name in cloud.classes
        for i in range(candidates)
    )
    own = [make(cloud.draw(name), label=name) for name in cloud.classes for _ in range(auxiliary)]

    def run() -> tuple[Sequence[SeenMessage], dict[str, bool], dict[str, Any], Any]:
        members = {one.id: bool(rng.random() < 0.5) for one in asked}
        held: dict[str, dict[str, list[str]]] = {p: {c: [] for c in cloud.classes} for p in names}
        for candidate in asked:
            if members[candidate.id]:
                held[candidate.party][str(candidate.label)].append(candidate.text)
        for classes in held.values():
            for name, texts in classes.items():
                texts += [cloud.draw(name) for _ in range(int(rng.choice(sizes)))]
        counts = {p: {c: len(t) for c, t in classes.items()} for p, classes in held.items()}
        items = {p: [Item(t, t, c) for c, some in classes.items() for t in some] for p, classes in held.items()}
        return protocol(held, rng), members, {"counts": counts}, items

    transcript, members, truth, live = run()
    bank = []
    for _ in range(shadows):
        seen, inside, drawn_truth, _ = run()
        bank.append(Shadow(seen, {}, inside, drawn_truth))
    known = PopulationFacts(**{"labels": cloud.classes, "parties": tuple(names), **(population or {})})
    public = Public(auxiliary=tuple(own), facts=(known, *facts))
    return RoundsView(cloud, public, asked, transcript, bank, members, truth, held=live, **options)
