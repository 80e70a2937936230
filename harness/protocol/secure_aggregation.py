"""Secure aggregation as a change of view: the curious side gets the sum, and the cost is that of the protocol.

Bonawitz et al. (2017), "Practical secure aggregation for privacy-preserving machine learning". Nothing is masked here:
the harness holds both ends, hands on the sum alone and seals the summands in the wire log.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harness.errors import ProtocolError
from harness.wire.message import Message, Value
from harness.wire.packing import Packed

__all__ = ["extra_bytes", "secure_aggregate"]

KEY_BYTES = 32
"""Size of a public key and of a secret share (256 bits)."""


def secure_aggregate(messages: Mapping[str, Message]) -> Message:
    """One message whose tensors and numbers are sums over the parties, in float64 or 64-bit integers, then as sent.

    Text, lists and truth values cannot be summed and must be equal.

    Raises:
        ProtocolError: kinds, fields, shapes or public values differ: payloads have to be padded to the public schema.
    """
    first = next(iter(messages.values()))
    problems = []
    for name, message in messages.items():
        if (message.kind, sorted(message.payload)) != (first.kind, sorted(first.payload)):
            problems.append(f"{name} sent {message.kind} {sorted(message.payload)}")
    if problems:
        raise ProtocolError(f"secure aggregation of {first.kind} {sorted(first.payload)}: " + "; ".join(problems))
    return first.replace(**{field: _add(field, messages) for field in first.payload})


def extra_bytes(parties: int) -> int:
    """Bytes that secure aggregation adds to one party's upload beside its masked vector: 2n keys and 5n - 4 shares
    (section 7.1, client communication, both directions).
    """
    return KEY_BYTES * (2 * parties + 5 * parties - 4)


def _add(field: str, messages: Mapping[str, Message]) -> Value:
    values = [message[field] for message in messages.values()]
    first = values[0]
    if isinstance(first, Tensor | Packed):
        return _add_tensors(field, dict(zip(messages, values, strict=True)))
    if isinstance(first, int | float) and not isinstance(first, bool):
        return type(first)(sum(values))
    if any(value != first for value in values):
        raise ProtocolError(f"secure aggregation: field {field!r} cannot be summed and differs between parties")
    same: Value = first
    return same


def _add_tensors(field: str, values: Mapping[str, Tensor]) -> Tensor:
    first = next(iter(values.values()))
    odd = [f"{name} {tuple(v.shape)}" for name, v in values.items() if v.shape != first.shape]
    if odd:
        raise ProtocolError(f"secure aggregation: field {field!r} is {tuple(first.shape)}, but {', '.join(odd)}")
    wide = torch.float64 if first.is_floating_point() else torch.int64
    return torch.stack([value.to(wide) for value in values.values()]).sum(0).to(first.dtype)
