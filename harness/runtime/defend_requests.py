"""Requests of an attacker to a worker: messages of its own making sent through the defense, texts of its own prepared.

Many messages travel in one batch: the numbers of their tensors one after another, field by field, with shapes and other
values beside them. Both ends are the harness's and on one machine, so the numbers stand as they do in memory and are
copied into and out of the socket alone. A defense that changes itself by sending (a nonce, a counter, a generator of
its own) is put back before every message into the state that it had at the message's place in the live run, as far as
places and shapes decide it.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from harness.errors import CodecError
from harness.protocol.contract import check_outgoing
from harness.wire.message import Kind, Message
from harness.wire.packing import Packed

if TYPE_CHECKING:
    from harness.defense import Defense

__all__ = ["Place", "Requests", "join", "split"]

Place = tuple[int, int, int]
"""Session, step and round of a message."""
_DEEP = 6
"""Levels of a defense's attributes that are watched for changes."""
_TYPES = {
    name: getattr(torch, name)
    for name in ("float32", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128")
}
_INFERENCE = frozenset({Kind.HIDDEN, Kind.REPRESENTATION})
"""Kinds that parties send from a forward in inference mode."""


def join(messages: Sequence[Message]) -> tuple[dict[str, Any], list[memoryview]]:
    """One head, and the numbers of many messages of one kind with the same fields; floats leave as float32.

    Raises:
        CodecError: they differ in kind, in fields, or in a field's type.
    """
    first = messages[0]
    if any(m.kind is not first.kind or m.payload.keys() != first.payload.keys() for m in messages):
        raise CodecError("messages of one batch must be of one kind and have the same fields")
    fields = [name for name, value in first.payload.items() if isinstance(value, Tensor | Packed)]
    return _joined([m.payload for m in messages], first.kind, [(m.session, m.step, m.round) for m in messages], fields)


def _joined(
    payloads: Sequence[Mapping[str, Any]], kind: Kind, at: Sequence[Place], fields: Sequence[str]
) -> tuple[dict[str, Any], list[memoryview]]:
    """Head and numbers of messages with these payloads, of which ``fields`` are tensors."""
    columns = {name: [_plain(name, payload[name]) for payload in payloads] for name in fields}
    types = {name: str(column[0].dtype).removeprefix("torch.") for name, column in columns.items()}
    for name, column in columns.items():
        if any(value.dtype is not column[0].dtype for value in column):
            raise CodecError(f"messages of one batch must have fields of one type: {name} differs")
        if types[name] not in _TYPES:
            raise CodecError(f"{name}: numbers of type {column[0].dtype} cannot be sent")
    # The widest numbers first, so that all of them are aligned.
    columns = dict(sorted(columns.items(), key=lambda pair: -pair[1][0].element_size()))
    others = len(fields) < len(payloads[0])
    head = {
        "kind": kind.value,
        "at": [list(place) for place in at],
        "types": types,
        "shapes": {name: [list(value.shape) for value in column] for name, column in columns.items()},
        "values": [{k: v for k, v in one.items() if k not in columns} for one in payloads] if others else None,
    }
    pieces = [v.numpy().data.cast("B") for column in columns.values() for v in column if v.numel()]
    return head, pieces


def split(head: Mapping[str, Any], blob: memoryview) -> list[Message]:
    """The messages of :func:`join`, on the memory of ``blob``; :class:`CodecError` where head and blob do not fit."""
    try:
        kind, at = Kind(head["kind"]), head["at"]
        values = head["values"] or [{}] * len(at)
        columns: dict[str, list[Tensor]] = {}
        start = 0
        for name, shapes in head["shapes"].items():
            sizes, dtype = [math.prod(shape) for shape in shapes], _TYPES[head["types"][name]]
            if any(not isinstance(n, int) or n < 0 for shape in shapes for n in shape) or len(shapes) != len(at):
                raise ValueError(f"shapes of {name}")
            flat = torch.empty(0, dtype=dtype)
            if sum(sizes):
                flat = torch.frombuffer(blob, dtype=dtype, count=sum(sizes), offset=start)
            start += flat.nbytes
            parts = torch.split(flat, sizes)
            columns[name] = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        if start != len(blob):
            raise ValueError(f"{len(blob)} bytes, {start} of which are numbers")
        return [
            Message(kind, {**{name: column[i] for name, column in columns.items()}, **rest}, int(s), int(t), int(r))
            for i, ((s, t, r), rest) in enumerate(zip(at, values, strict=True))
        ]
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
        raise CodecError(f"malformed batch of messages: {type(error).__name__}: {error}") from error


def _plain(name: str, value: Any) -> Tensor:
    value = value.dense() if isinstance(value, Packed) else value
    if not isinstance(value, Tensor):
        raise CodecError(f"messages of one batch must have fields of one type: {name} is a tensor in the first alone")
    own: Tensor = value.detach().cpu()
    return (own.to(torch.float32) if own.is_floating_point() else own).contiguous()


@dataclass
class Requests:
    """Requests about one hosted party's defense, which has been set up and has sent nothing."""

    defense: Defense
    _state: _Watched | None = None

    def defend(self, head: Mapping[str, Any], blob: memoryview) -> tuple[dict[str, Any], list[memoryview]]:
        """Answers to a batch of messages, ``repeats`` times over, with noise seeded by ``seed``.

        ``history`` holds the places and shapes of the live run's messages in order.
        """
        with torch.inference_mode(head["kind"] in _INFERENCE):
            messages = split(head, blob)
        _reseed(self.defense, int(head["seed"]))
        if self._state is None:
            self._state = _Watched(self.defense, head["history"], messages[0])
            _reseed(self.defense, int(head["seed"]))
        repeats = int(head["repeats"])
        # A defense may work in place: every repeat gets numbers of its own, and what has left is left alone.
        wanted = [_copied(m) if n + 1 < repeats else m for n in range(repeats) for m in messages]
        sent: dict[int, Mapping[str, Any]] = {}
        if not self._state.changes:
            return _answer(wanted, [_kept(send_through(self.defense, message)) for message in wanted])
        places = [self._state.index(message) for message in wanted]
        for number in sorted(range(len(wanted)), key=places.__getitem__):
            self._state.restore(wanted[number])
            sent[number] = _kept(send_through(self.defense, wanted[number]))
        return _answer(wanted, [sent[number] for number in range(len(wanted))])


def send_through(defense: Defense, message: Message) -> Message:
    """One message through a defense, held against the contract; what the ledger would say of it, nobody asks."""
    defense.me.begin(message)
    return check_outgoing(message, defense.send(message))


def _kept(sent: Message) -> dict[str, Any]:
    """The payload as it leaves: whatever a defense does with these tensors afterwards."""
    return {
        name: value.detach().clone()
        if isinstance(value, Tensor)
        else value.dense()
        if isinstance(value, Packed)
        else value
        for name, value in sent.payload.items()
    }


def _answer(asked: Sequence[Message], sent: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[memoryview]]:
    """Head and numbers of what was sent of the messages; the contract has seen to kinds, places and fields."""
    fields = [name for name, value in sent[0].items() if isinstance(value, Tensor)]
    return _joined(sent, asked[0].kind, [(m.session, m.step, m.round) for m in asked], fields)


def _copied(message: Message) -> Message:
    """The message with numbers of its own."""
    with torch.inference_mode(message.kind in _INFERENCE):
        return message.replace(**{name: value.clone() for name, value in message.tensors().items()})


def _reseed(defense: Defense, seed: int) -> None:
    """Fresh noise from here on, wherever the defense draws it."""
    import random

    import numpy as np

    defense.me.reseed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class _Watched:
    """State that a defense changes in itself by sending: attributes of its own, and data of its modules.

    It is sent through the live run's places once. What has changed afterwards is put back before every message.
    """

    def __init__(self, defense: Defense, history: Sequence[Sequence[Any]], like: Message) -> None:
        self._defense = defense
        self._homes = list(_homes(defense))
        before = self._marks()
        self._order = {tuple(place): number for number, (place, _) in enumerate(history)}
        self._history = [_dummy(like, tuple(place), rows) for place, rows in history]
        start = self._copy({(home, name) for home, name in before})
        for message in self._history or [_copied(like)]:
            send_through(defense, message)
        after = self._marks()
        changed = {key for key in before if before[key] != after.get(key)}
        self._new = after.keys() - before.keys()
        self.changes = bool(changed or self._new)
        self._changed = changed
        self._stored = {0: {key: start[key] for key in changed if key in start}}
        if self.changes:
            self._put(0)

    def index(self, message: Message) -> int:
        """Number of the live messages before this one."""
        return self._order.get((message.session, message.step, message.round), len(self._history))

    def restore(self, message: Message) -> None:
        """Put the defense into its state before the message's place."""
        place = self.index(message)
        if place not in self._stored:
            last = max(number for number in self._stored if number < place)
            self._put(last)
            for dummy in self._history[last:place]:
                send_through(self._defense, dummy)
            self._stored[place] = self._copy(self._changed | self._new)
        self._put(place)

    def _put(self, place: int) -> None:
        stored = copy.deepcopy(self._stored[place])
        for home, name in self._changed | self._new:
            values = self._homes[home]
            if (home, name) in stored:
                values[name] = stored[home, name]
            else:
                values.pop(name, None)

    def _copy(self, keys: set[tuple[int, str]]) -> dict[tuple[int, str], Any]:
        copied = {}
        for home, name in keys:
            try:
                copied[home, name] = copy.deepcopy(self._homes[home][name])
            except Exception:  # what cannot be copied (a lock, an open file) cannot be put back either
                continue
        return copied

    def _marks(self) -> dict[tuple[int, str], Any]:
        return {
            (home, name): _mark(value, _DEEP)
            for home, values in enumerate(self._homes)
            for name, value in list(values.items())
            if name != "me" and not name.startswith("__") and not isinstance(value, type | ModuleType)
        }


def _homes(defense: Defense) -> Iterator[dict[str, Any]]:
    """Places where a submission can keep state: the instance, and the modules of its folder."""
    yield vars(defense)
    module = sys.modules.get(type(defense).__module__)
    folder = str(getattr(module, "__file__", "") or "").rpartition("/")[0]
    for other in list(sys.modules.values()):
        file = str(getattr(other, "__file__", "") or "")
        if folder and file.startswith(f"{folder}/"):
            yield vars(other)


def _dummy(like: Message, place: Place, rows: Mapping[str, Sequence[int]]) -> Message:
    """A message of another place and other shapes, made of the numbers of ``like``."""
    with torch.inference_mode(like.kind in _INFERENCE):
        fields = {}
        for name, value in like.tensors().items():
            size = math.prod(rows.get(name, value.shape))
            flat = value.reshape(-1)
            fields[name] = flat.repeat(size // max(1, flat.numel()) + 1)[:size].view(tuple(rows.get(name, value.shape)))
        lists = {k: list(rows[k]) for k, v in like.payload.items() if isinstance(v, list) and k in rows}
    other = like.replace(**fields, **lists)
    return replace(other, session=place[0], step=place[1], round=place[2])


def _mark(value: Any, depth: int) -> Any:
    """Something that differs once ``value`` has changed, as far as plain Python data and tensors go."""
    if isinstance(value, Tensor):
        version = 0 if value.is_inference() else value._version
        return (id(value), version, value.detach().float().sum().item() if value.numel() < 1 << 20 else 0.0)
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if depth == 0 or callable(value) or isinstance(value, ModuleType):
        return [_mark(v, depth - 1) for v in (*value.parameters(), *value.buffers())] if _module(value) else None
    if isinstance(value, Mapping):
        return [(repr(k), _mark(v, depth - 1)) for k, v in value.items()]
    if isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "deque":
        return [_mark(v, depth - 1) for v in value]
    if state := _random_state(value):
        return state
    if type(value).__module__ == "itertools":
        return repr(value)
    if type(value).__module__.startswith(("harness", "transformers", "tokenizers", "torch")):
        return None
    return [(k, _mark(v, depth - 1)) for k, v in getattr(value, "__dict__", {}).items()]


def _random_state(value: Any) -> str:
    for name in ("bit_generator", "getstate", "get_state"):
        if hasattr(value, name) and type(value).__module__.startswith(("numpy", "random")):
            state = getattr(value, name)
            return repr(state.state if name == "bit_generator" else state())
    return repr(value.tobytes()) if type(value).__module__ == "numpy" and hasattr(value, "tobytes") else ""


def _module(value: Any) -> bool:
    return isinstance(value, torch.nn.Module)
