"""An in-process stand-in for the harness's View: split inference of prompts, with any defense, for tests of attacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.attack import DefenseCard, NoiseLaw, Observation, Public, SplitFacts, SuiteError
from harness.data.record import Record, make
from harness.models import Part, load_part
from harness.wire.message import Kind, Message
from tests.stand_ins.absent import NoRounds

__all__ = ["Defense", "SplitView", "Tokenize", "isotropic", "plain_deployment", "tiny_model", "token_accuracy", "words"]

Defense = Callable[[Tensor, int, torch.Generator], Tensor]
"""``(states [T, d], position of the first row, generator of fresh noise) -> message [T, e]``."""

Deploy = Callable[[torch.Generator], Defense]
"""Draws the deployment's secret state and returns its defense; simulations get a deployment of their own."""

Tokenize = Callable[[str], list[int]]


def plain_deployment(rng: torch.Generator) -> Defense:
    """No defense."""
    return lambda states, position, noise: states


def isotropic(std: float) -> Deploy:
    """Fresh Gaussian noise of standard deviation ``std`` on every coordinate."""

    def defense(states: Tensor, position: int, noise: torch.Generator) -> Tensor:
        return states + std * torch.randn(states.shape, generator=noise)

    return lambda rng: defense


def words(text: str) -> list[int]:
    """Tokenizer of tiny models: a text is a list of token ids, as in ``"17 4 99"``."""
    return [int(word) for word in text.split()]


@lru_cache(maxsize=16)
def _part(ref: str, start: int, stop: int | None, head: bool) -> Part:
    return load_part(ref, start, stop, head=head).requires_grad_(False)


@dataclass
class SplitView(NoRounds):
    """See :class:`harness.attack.View`, and :class:`harness.attack.Sessions`, which it is, too. ``secrets`` maps record
    ids to private texts."""

    model: str
    cut: int
    secrets: Mapping[str, str]
    auxiliary: Sequence[str]
    tokenize_text: Tokenize = words
    deploy: Deploy = plain_deployment
    laws: tuple[NoiseLaw, ...] = ()
    known: Sequence[str] = ()
    adaptive: bool = True
    prefix: tuple[int, ...] = (1,)
    suffix: tuple[int, ...] = ()
    max_tokens: int = 24
    special_ids: frozenset[int] = frozenset({0, 1, 2})
    pooled: bool = False
    attributes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Auxiliary text -> its attributes."""
    rewrite: Callable[[str], str] = str
    """The defense's ``prepare`` of one text."""
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.rng = torch.Generator().manual_seed(self.seed)
        self._noise = torch.Generator().manual_seed(self.seed + 1)
        self._live = self.deploy(torch.Generator().manual_seed(self.seed + 2))
        self._bank: dict[tuple[tuple[str, ...], int], list[Observation]] = {}
        self.simulations = 0
        records = tuple(self._record(text) for text in self.auxiliary)
        self.facts = SplitFacts(
            model=self.model,
            max_tokens=self.max_tokens,
            prefix=self.prefix,
            suffix=self.suffix,
            special_ids=self.special_ids,
            cut=self.cut,
            pooled=self.pooled,
        )
        self.public = Public(records, (self.facts,))
        self.defense = DefenseCard("lab", {}, "", self.laws)
        self.observed = [self._run(key, text, self._live, False) for key, text in self.secrets.items()]

    @property
    def sessions(self) -> SplitView:
        return self

    def observations(self) -> list[Observation]:
        return self.observed

    def messages(self, kind: Kind | None = None) -> list[Message]:
        sent = [Message(Kind.HIDDEN, {"hidden": one.states}, number) for number, one in enumerate(self.observed)]
        return [message for message in sent if kind in (None, message.kind)]

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        key = (tuple(texts), repeats)
        if key not in self._bank:
            self.simulations += len(texts) * repeats
            deploy = self.deploy if self.adaptive else plain_deployment
            fresh = [deploy(torch.Generator().manual_seed(self.seed + 1000 + n)) for n in range(repeats)]
            self._bank[key] = [self._run(f"sim{n}", t, defense, True) for defense in fresh for n, t in enumerate(texts)]
        return self._bank[key]

    def defend(
        self, states: Sequence[Any], *, repeats: int = 1, party: str | None = None, records: Sequence[str] = ()
    ) -> list[Any]:
        """States through a deployment of its own, as :class:`harness.attack.Sessions` has it."""
        if not self.adaptive:
            raise SuiteError("an oblivious attacker does not know the defense")
        defense = self.deploy(torch.Generator().manual_seed(self.seed + 4000))
        noise = torch.Generator().manual_seed(self.seed + 4001 + len(states))
        plain = [one[None] if self.pooled else one for one in states]
        sent = [defense(one, 0, noise) for _ in range(repeats) for one in plain]
        return [one[0] for one in sent] if self.pooled else sent

    def prepare(self, texts: Sequence[str], *, party: str | None = None) -> list[str]:
        return [self.rewrite(text) for text in texts]

    def known_pairs(self) -> list[Observation]:
        return [self._run(f"known{n}", text, self._live, True) for n, text in enumerate(self.known)]

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        return _part(self.model, start, stop, head)

    def tokenize(self, text: str) -> list[int]:
        return self.tokenize_text(text)[: self.max_tokens]

    def answers(self) -> dict[str, list[int]]:
        """The private token ids, by record."""
        return {key: self.tokenize(text) for key, text in self.secrets.items()}

    def _record(self, text: str) -> Record:
        return make(text, attributes=self.attributes.get(text))

    @torch.no_grad()
    def _run(self, record: str, text: str, defense: Defense, chosen: bool) -> Observation:
        ids = torch.tensor([*self.prefix, *self.tokenize(self.rewrite(text)), *self.suffix])
        plain = self.part(0, self.cut)(ids[None])[0]
        if self.pooled:
            plain = torch.nn.functional.normalize(plain.mean(0), dim=0)
            sent = defense(plain[None], 0, self._noise)[0]
        else:
            sent = defense(plain, 0, self._noise)
        return Observation(record, sent, plain if chosen else None, ids if chosen else None, len(ids))


def token_accuracy(view: SplitView, guess: Mapping[str, Sequence[int]]) -> float:
    """Share of private tokens guessed at their position."""
    truth = view.answers()
    hits = [a == b for key, ids in truth.items() for a, b in zip(ids, [*guess[key], *[-1] * len(ids)], strict=False)]
    return sum(hits) / len(hits)


_TINY = {
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "gpt2": {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 64},
    "bert": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
    },
}


def tiny_model(folder: Path, family: str = "llama", *, vocabulary: int = 120, seed: int = 0) -> str:
    """Write a random model of 4 blocks and width 32 as a Hugging Face folder; returns its path as model reference."""
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    config = AutoConfig.for_model(family, vocab_size=vocabulary, **_TINY[family])
    causal = family != "bert"
    loader: Any = AutoModelForCausalLM if causal else AutoModel
    model = loader.from_config(config)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
            weight.copy_(centre + 0.2 * torch.randn(weight.shape, generator=rng))
    model.save_pretrained(folder)
    return str(folder)
