"""The knock-out control: messages that the curious side gets in place of the sent ones, so that utility must fall."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.wire.message import Message, Value

__all__ = ["Sessions", "knock_out_rows"]


class Sessions:
    """Answers every session from the session before it; the first, which has none, from its own rows exchanged: zeros
    would tell a party what the run is for."""

    def __init__(self) -> None:
        self._previous: dict[int, Message] = {}
        self._earlier: dict[int, Message] = {}

    def __call__(self, message: Message) -> Message:
        """The message of the same step, one session earlier."""
        if message.step == 0:
            self._earlier, self._previous = self._previous, {}
        self._previous[message.step] = message
        other = self._earlier.get(message.step)
        if other is None:
            return knock_out_rows(message)
        return message.replace(**{k: _refit(other, k, v) for k, v in message.tensors().items()})


def knock_out_rows(message: Message) -> Message:
    """The message with the rows of every real-valued tensor and the texts of every list moved by half their number,
    so that they belong to other inputs, classes or labels; a tensor of one row is set to zero.
    """
    return message.replace(**{name: _roll(message[name]) for name in message.payload})


def _roll(value: Value) -> Value:
    if isinstance(value, list) and value and isinstance(value[0], str):
        half = max(1, len(value) // 2)
        return [*value[half:], *value[:half]]
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.dim() == 0:
        return value
    return torch.roll(value, max(1, len(value) // 2), dims=0) if len(value) > 1 else torch.zeros_like(value)


def _refit(other: Message, name: str, like: Tensor) -> Tensor:
    """The field of another session, repeated or cut along its first dimension to the shape of ``like``."""
    if name not in other.payload:
        return torch.zeros_like(like)
    source: Tensor = other[name]
    if source.shape[1:] != like.shape[1:]:
        return torch.zeros_like(like)
    rows = torch.arange(like.shape[0]) % source.shape[0] if like.dim() else None
    return source if rows is None else source[rows]
