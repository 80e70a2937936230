"""Observations of sessions: the messages of split inference stitched together, with the token ids of known texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.attack import Observation
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.wire.coalition import SERVER
from harness.wire.facts import ModelFacts, SplitFacts
from harness.wire.log import LoggedFrame
from harness.wire.message import Kind

__all__ = ["prompt_ids", "stitched", "text_ids", "with_ids"]

_FIELDS = {Kind.HIDDEN: "hidden", Kind.REPRESENTATION: "representation"}


def stitched(entries: Sequence[LoggedFrame], records: Sequence[str], pooled: bool) -> list[Observation]:
    """One observation per session, its steps concatenated by position; ``records`` name the sessions."""
    parts: dict[int, list[tuple[Tensor, Tensor | None]]] = {}
    for entry in entries:
        if entry.receiver != SERVER:
            continue
        message = entry.message()
        name = _FIELDS.get(message.kind)
        if name is None or name not in message.payload:
            continue
        plain = None if entry.plain is None else LoggedFrame("", "", entry.plain).message()[name]
        parts.setdefault(message.session, []).append((message[name].to(torch.float32), plain))
    return [_observation(records[session], steps, pooled) for session, steps in sorted(parts.items())]


def _observation(record: str, steps: list[tuple[Tensor, Tensor | None]], pooled: bool) -> Observation:
    first, before = steps[0]
    if pooled:
        return Observation(record, first, before)
    plains = [p for _, p in steps if p is not None]
    states = torch.cat([s for s, _ in steps])
    return Observation(record, states, torch.cat(plains) if plains else None, None, len(first))


def with_ids(observation: Observation, split: SplitFacts, text: str) -> Observation:
    """The same observation cut to its prompt, with the prompt's token ids.

    Without ids where the prompt has another length: a defense that rewrites at random ran another text.
    """
    ids = torch.tensor(prompt_ids(split, text))
    length = observation.prompt_length
    if not split.pooled and length != len(ids):
        states, plain = observation.states[:length], observation.plain
        return Observation(observation.record, states, None if plain is None else plain[:length], None, length)
    states, plain = observation.states, observation.plain
    if not split.pooled:
        states, plain = states[: len(ids)], None if plain is None else plain[: len(ids)]
    return Observation(observation.record, states, plain, ids, len(ids))


def prompt_ids(split: SplitFacts, text: str) -> list[int]:
    """Token ids of the whole prompt around a text."""
    return [*split.prefix, *text_ids(split, text), *split.suffix]


def text_ids(facts: ModelFacts, text: str) -> list[int]:
    """Token ids of a text, truncated to ``max_tokens``."""
    return load_tokens(tokenizer_folder(facts.model)).encode(text)[: facts.max_tokens]
