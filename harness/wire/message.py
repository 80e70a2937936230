"""Messages and their binary codec: the only thing that crosses between parties.

A frame is ``b"LKB1"``, the header's length (unsigned 32-bit, little endian), a JSON header (kind,
addressing and every value that is no tensor) and one safetensors blob with the tensors. Nothing is
ever unpickled, so a frame from an untrusted party can at worst be refused.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from harness.errors import CodecError
from harness.util.untrusted import one_line, parse_json
from harness.wire.packing import Packed, pack_forms

__all__ = ["Kind", "Message", "Value", "decode", "encode"]

MAGIC = b"LKB1"
MAX_HEADER = 16 * 2**20
MAX_FRAME = 2**31
MAX_NUMBERS = 2**28
"""Numbers of a tensor that is sent in a packed form, when it is unpacked."""

Value = Tensor | Packed | str | int | float | bool | list[str] | list[int] | list[float]


class Kind(StrEnum):
    """The kind of content of a message; CONTROL (lengths, counts, label sets) is first class: structure leaks too."""

    TEXT = "TEXT"
    HIDDEN = "HIDDEN"
    GRADIENT = "GRADIENT"
    PARAMETERS = "PARAMETERS"
    LOGITS = "LOGITS"
    REPRESENTATION = "REPRESENTATION"
    PROTOTYPE = "PROTOTYPE"
    VOTE = "VOTE"
    SYNTHETIC_TEXT = "SYNTHETIC_TEXT"
    SCALAR = "SCALAR"
    CONTROL = "CONTROL"


@dataclass(frozen=True)
class Message:
    """One typed transmission.

    ``session`` numbers the records (conversations) of the sending party in order, ``step`` the
    forwards inside one session, ``round`` the protocol rounds; all start at 0.
    """

    kind: Kind
    payload: Mapping[str, Value]
    session: int = 0
    step: int = 0
    round: int = 0
    state: Any = field(default=None, compare=False, repr=False)
    """What the sender's defense keeps about this message until its answer arrives; never encoded."""
    answers: Message | None = field(default=None, compare=False, repr=False)
    """The own message that this one replies to; set by the link on arrival, never encoded."""
    sensitivity: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Field -> how much one record of the sender can change it (:mod:`harness.dp.sensitivity`); never encoded."""

    def __getitem__(self, name: str) -> Any:
        value = self.payload[name]
        return value.dense() if isinstance(value, Packed) else value

    def replace(self, **payload: Value) -> Message:
        """The same message with some payload fields replaced."""
        return replace(self, payload={**self.payload, **payload})

    def tensors(self) -> dict[str, Tensor]:
        """The tensor fields, packed ones unpacked, by name."""
        return {k: self[k] for k, v in self.payload.items() if isinstance(v, Tensor | Packed)}


def encode(message: Message) -> bytes:
    """The wire form of ``message``; raises :class:`CodecError` on a value no wire type fits."""
    values: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    packed: dict[str, Any] = {}
    for name, value in message.payload.items():
        if isinstance(value, Tensor):
            tensors[name] = value
        elif isinstance(value, Packed):
            packed[name] = {"form": value.form, "shape": list(value.shape)}
            tensors |= {f"{name}#{part}": tensor for part, tensor in value.parts.items()}
        else:
            values[name] = _plain(name, value)
    header: dict[str, Any] = {"k": message.kind.value, "at": [message.session, message.step, message.round]}
    header |= {"v": values} if values else {}
    header |= {"p": packed} if packed else {}
    head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    body = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return MAGIC + struct.pack("<I", len(head)) + head + (safetensors.torch.save(body) if body else b"")


def decode(frame: bytes) -> Message:
    """The message in ``frame``; raises :class:`CodecError` naming the first thing that is malformed."""
    if len(frame) < 8 or frame[:4] != MAGIC:
        raise CodecError(f"not a message frame: it starts with {bytes(frame[:4])!r}, expected {MAGIC!r}")
    (size,) = struct.unpack_from("<I", frame, 4)
    if size > MAX_HEADER or 8 + size > len(frame) or len(frame) > MAX_FRAME:
        raise CodecError(f"frame of {len(frame)} bytes announces a header of {size} bytes")
    try:
        header = parse_json(frame[8 : 8 + size])
        kind = Kind(header["k"])
        session, step, round_ = (_place(x) for x in header["at"])
        values = {str(k): _plain(k, v) for k, v in header.get("v", {}).items()}
        tensors = safetensors.torch.load(frame[8 + size :]) if len(frame) > 8 + size else {}
        payload = _unpack(dict(header.get("p", {})), tensors)
    except CodecError:
        raise
    except _MALFORMED as error:
        raise CodecError(f"malformed message frame: {type(error).__name__}: {one_line(error)}") from error
    return Message(kind, {**payload, **values}, session, step, round_)


_MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    safetensors.SafetensorError,
)
"""What reading a frame of arbitrary content can end in."""


def _place(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < 2**31:
        raise ValueError(f"session, step and round are whole numbers from 0 on, not {number!r}")
    return number


def _plain(name: str, value: object) -> Any:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple) and all(isinstance(x, str | int | float) for x in value):
        if any(isinstance(x, float) and not math.isfinite(x) for x in value):
            raise CodecError(f"field {name!r} holds a number that is not finite")
        return list(value)
    raise CodecError(f"field {name!r} of type {type(value).__name__} has no wire form; send tensors, text or numbers")


def _unpack(packed: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Value]:
    payload: dict[str, Value] = {}
    for name, spec in packed.items():
        parts = {part: tensors.pop(f"{name}#{part}") for part in pack_forms(spec["form"])}
        shape = torch.Size(spec["shape"])
        if shape.numel() > MAX_NUMBERS:
            raise CodecError(f"field {name!r} unpacks to {shape.numel()} numbers; at most {MAX_NUMBERS} are read")
        value = Packed(spec["form"], shape, parts)
        value.dense()  # refuses inconsistent parts here, where the error is a codec error
        payload[name] = value
    return {**payload, **tensors}
