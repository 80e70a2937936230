"""Gradients and updates of a transcript: what each client, or the sum of all, sent in the attacked rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from harness.attack import (
    SERVER,
    SUM,
    GradientFacts,
    Kind,
    Learner,
    LearnerSpec,
    PopulationFacts,
    load_tokens,
    public_part,
    tokenizer_folder,
)

if TYPE_CHECKING:
    from harness.attack import Part, Public, Tokens, View

__all__ = ["SharedGradient", "gradient_facts", "learner_at", "public_tokens", "shared_gradients", "whole_ids"]

KINDS = (Kind.GRADIENT, Kind.PARAMETERS)


@dataclass(frozen=True)
class SharedGradient:
    """One message of the attacked rounds, as a gradient of the mean loss over its texts, up to a factor."""

    sender: str
    """A client, or the sum of all."""
    round: int
    values: Mapping[str, Tensor]
    """Name of a trained parameter -> float32 tensor; of an update, the direction in which the loss grew."""
    model: Mapping[str, Tensor]
    """The global model that it was computed at; empty: the public start."""
    clients: int = 1
    """Clients behind it."""


def gradient_facts(public: Public) -> GradientFacts:
    """Public facts about the messages."""
    return public.need(GradientFacts)


def shared_gradients(view: View, every: bool = False) -> list[SharedGradient]:
    """Messages of the clients whose texts are secrets, of the attacked rounds or of ``every`` round; with secure
    aggregation, the sums. The coalition's own client is left out.
    """
    facts, population = gradient_facts(view.public), view.public.facts_of(PopulationFacts)
    victims = set(population.parties) if population else set()
    parties = (population.clients if population else None) or 1
    globals_: dict[int, Mapping[str, Tensor]] = {-1: {}}
    for seen in view.transcript:
        if seen.sender == SERVER and seen.receiver != SERVER:
            globals_.setdefault(seen.message.round, seen.message.tensors())
    shared = []
    for seen in view.transcript:
        message = seen.message
        wanted = seen.sender == SUM or (seen.sender in victims and seen.receiver == SERVER)
        if not wanted or message.kind not in KINDS or not (every or message.round in facts.attacked):
            continue
        sign = 1.0 if facts.method == "fedsgd" else -1.0
        values = {name: sign * value.float() for name, value in message.tensors().items()}
        number = parties if seen.sender == SUM else 1
        shared.append(SharedGradient(seen.sender, message.round, values, globals_[message.round - 1], number))
    return shared


def learner_at(public: Public, shared: SharedGradient) -> Learner:
    """The global model that a message was computed at, with the parameters trained that the message holds."""
    facts = gradient_facts(public)
    spec = LearnerSpec.of(facts.learner)
    learner = Learner(public_model(public), spec)
    learner.load(shared.model)
    return learner


def public_model(public: Public) -> Part:
    """The public part that is trained."""
    facts = gradient_facts(public)
    language = facts.learner.get("task") == "language_modelling"
    return public_part(facts.model, 0, facts.blocks, language)


def public_tokens(public: Public) -> Tokens:
    """The model's tokenizer."""
    return load_tokens(tokenizer_folder(gradient_facts(public).model))


def whole_ids(facts: GradientFacts, text: list[int]) -> list[int]:
    """All token ids of a text as they enter the model."""
    return [*facts.prefix, *text, *facts.suffix]
