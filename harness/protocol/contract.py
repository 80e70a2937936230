"""The contract of messages: what a defense may change, checked on everything that leaves a private party."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.errors import DefenseError
from harness.wire.message import Kind, Message
from harness.wire.packing import Packed

__all__ = ["check_outgoing"]

_ROWS_MAY_VARY = frozenset({Kind.PROTOTYPE, Kind.VOTE, Kind.SYNTHETIC_TEXT, Kind.CONTROL})


def check_outgoing(before: Message, after: object) -> Message:
    """``after`` if it keeps the contract of ``before``; otherwise a :class:`DefenseError` with every problem."""
    if not isinstance(after, Message):
        raise DefenseError(f"send() returned {type(after).__name__}; return the message or message.replace(...)")
    problems = []
    if after.kind is not before.kind:
        problems.append(f"kind changed from {before.kind} to {after.kind}")
    if (after.session, after.step, after.round) != (before.session, before.step, before.round):
        problems.append("session, step and round must not change")
    if set(after.payload) != set(before.payload):
        problems.append(f"fields changed from {sorted(before.payload)} to {sorted(after.payload)}")
    else:
        for name, value in before.payload.items():
            problems += _field_problems(before.kind, name, value, after.payload[name])
    if problems:
        where = f"message {before.kind} of session {before.session}, step {before.step}"
        raise DefenseError(f"{where}: " + "; ".join(problems))
    return after


def _field_problems(kind: Kind, name: str, before: object, after: object) -> list[str]:
    if not isinstance(before, Tensor | Packed):
        same = type(before) is type(after)
        return [] if same else [f"{name} changed from {type(before).__name__} to {type(after).__name__}"]
    if not isinstance(after, Tensor | Packed):
        return [f"{name} must stay a tensor, got {type(after).__name__}"]
    problems = []
    free = 1 if kind in _ROWS_MAY_VARY else 0
    if tuple(before.shape)[free:] != tuple(after.shape)[free:]:
        problems.append(f"{name} changed shape from {tuple(before.shape)} to {tuple(after.shape)}")
    dense = after.dense() if isinstance(after, Packed) else after
    was_float = isinstance(before, Packed) or before.is_floating_point()
    if was_float and dense.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        problems.append(f"{name} has dtype {dense.dtype}; allowed: float32, float16, bfloat16, or a packed form")
    elif not was_float and isinstance(before, Tensor) and dense.dtype != before.dtype:
        problems.append(f"{name} changed dtype from {before.dtype} to {dense.dtype}")
    # A finite sum has finite terms, and costs a tenth of looking at each; one that overflows proves nothing.
    if dense.is_floating_point() and not (bool(dense.sum().isfinite()) or bool(torch.isfinite(dense).all())):
        problems.append(f"{name} holds NaN or infinity")
    return problems
