"""Hidden states of the public weights on texts of the attacker's own, and the private part of a session.

An undefended party sends exactly these states, so inverters and probes are fitted on them. Everything is
cached within the process by content: attacks on further defenses of one deployment pay for them once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.attack import single_flight, torch_generator

if TYPE_CHECKING:
    from harness.attack import Observation, Part, SplitFacts, View

__all__ = [
    "Sequences",
    "TokenStates",
    "allowed_tokens",
    "auxiliary_sequences",
    "clean_states",
    "flatten",
    "forward_all",
    "forward_part",
    "private_ids",
    "private_slice",
    "probe_sequences",
    "resized",
    "token_states",
    "whole_states",
]

Sequences = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class TokenStates:
    """Pairs of state and token over the private positions of many sequences, concatenated."""

    states: Tensor
    """``[n, d]`` float."""
    ids: Tensor
    """``[n]`` token ids."""
    positions: Tensor
    """``[n]`` absolute positions, the prefix counted."""


def private_slice(split: SplitFacts, observation: Observation) -> slice:
    """The positions of an observation's private text: after the prefix, before the suffix."""
    length = observation.prompt_length or len(observation.states)
    return slice(len(split.prefix), max(length - len(split.suffix), len(split.prefix)))


def private_ids(split: SplitFacts, observation: Observation) -> tuple[int, ...]:
    """Token ids of the private text of an observation the attacker made itself.

    Raises:
        ValueError: the observation carries no ids: it is not a simulation or known pair.
    """
    if observation.ids is None:
        raise ValueError(f"observation {observation.record!r} has no ids: only simulations and known pairs do")
    length = observation.prompt_length or len(observation.ids)
    return tuple(observation.ids[len(split.prefix) : length - len(split.suffix)].tolist())


def auxiliary_sequences(view: View, texts: int) -> Sequences:
    """Token ids of the first ``texts`` auxiliary records, as the victim would make them; empty ones left out."""
    ids = (tuple(view.sessions.tokenize(record.text)) for record in view.public.auxiliary[:texts])
    return tuple(sequence for sequence in ids if sequence)


def probe_sequences(split: SplitFacts, vocabulary: int, count: int) -> Sequences:
    """``count`` sequences of uniformly random ordinary tokens, ``max_tokens`` long.

    They cover the part of the vocabulary that no auxiliary text uses. Their seed follows from the
    deployment, so that attacks on different defenses of it share the same (cached) states.
    """
    generator = torch_generator("probe sequences", split.model, split.cut)
    allowed = allowed_tokens(split, vocabulary).nonzero().squeeze(1)
    drawn = torch.randint(len(allowed), (count, split.max_tokens), generator=generator)
    return tuple(tuple(row) for row in allowed[drawn].tolist())


def allowed_tokens(split: SplitFacts, vocabulary: int) -> Tensor:
    """``[vocabulary]`` bool: tokens that may occur in a private text."""
    allowed = torch.ones(vocabulary, dtype=torch.bool)
    special = [token for token in split.special_ids if 0 <= token < vocabulary]
    allowed[torch.tensor(special, dtype=torch.long)] = False
    return allowed


def resized(states: Tensor, width: int) -> Tensor:
    """``states [..., e]`` cut or zero-padded to ``[..., width]``: what an attacker who knows no defense can do."""
    return torch.nn.functional.pad(states, (0, width - states.shape[-1]))


def token_states(view: View, sequences: Sequences) -> TokenStates:
    """Clean states, tokens and positions of all private positions of ``sequences``."""
    part, split = forward_part(view), view.sessions.facts
    return flatten(clean_states(part, sequences, split.prefix, split.suffix), sequences, split)


def forward_part(view: View) -> Part:
    """The public weights that the private party runs before it sends (all of them if it sends pooled vectors)."""
    split = view.sessions.facts
    return view.sessions.part(0, None if split.pooled else split.cut)


def flatten(states: Iterable[Tensor], sequences: Iterable[Sequence[int]], split: SplitFacts) -> TokenStates:
    """Concatenate per-sequence states ``[T_i, d]`` of the private positions with their tokens."""
    rows, tokens = list(states), [torch.tensor(sequence, dtype=torch.long) for sequence in sequences]
    start = len(split.prefix)
    positions = [torch.arange(start, start + len(sequence)) for sequence in tokens]
    device = rows[0].device
    return TokenStates(torch.cat(rows), torch.cat(tokens).to(device), torch.cat(positions).to(device))


@single_flight(maxsize=6)
def clean_states(
    part: Part, sequences: Sequences, prefix: tuple[int, ...] = (), suffix: tuple[int, ...] = ()
) -> tuple[Tensor, ...]:
    """States ``[T_i, d]`` at the positions of ``sequences``, each run as prefix + sequence + suffix."""
    own = [slice(len(prefix), len(prefix) + len(sequence)) for sequence in sequences]
    whole = whole_states(part, sequences, prefix, suffix)
    return tuple(states[where] for states, where in zip(whole, own, strict=True))


@single_flight(maxsize=6)
def whole_states(
    part: Part, sequences: Sequences, prefix: tuple[int, ...] = (), suffix: tuple[int, ...] = ()
) -> tuple[Tensor, ...]:
    """States at all positions of prefix + sequence + suffix: what an undefended party sends of each sequence."""
    return tuple(forward_all(part, tuple((*prefix, *sequence, *suffix) for sequence in sequences)))


@torch.no_grad()
def forward_all(part: Part, sequences: Sequence[Sequence[int]], *, batch_tokens: int = 2048) -> list[Tensor]:
    """Output ``[T_i, d]`` of a part for each sequence; equal lengths are batched, so nothing is padded."""
    outputs: list[Tensor | None] = [None] * len(sequences)
    device = next(part.parameters()).device
    for indices in _batches([len(sequence) for sequence in sequences], batch_tokens):
        ids = torch.tensor([list(sequences[index]) for index in indices], device=device)
        for index, states in zip(indices, part(ids), strict=True):
            outputs[index] = states
    return [states for states in outputs if states is not None]


def _batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Indices grouped by equal length, at most ``batch_tokens`` tokens (but at least one sequence) a group."""
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault(length, []).append(index)
    batches = []
    for length, indices in sorted(groups.items()):
        size = max(batch_tokens // max(length, 1), 1)
        batches += [indices[start : start + size] for start in range(0, len(indices), size)]
    return batches
