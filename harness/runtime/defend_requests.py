"""Requests of an attacker to a worker: messages of its own making sent through the defense, texts of its own prepared.

Many messages travel in one batch: their tensors flattened and joined field by field, shapes and other values beside
them. A defense that changes itself by sending (a nonce, a counter, a generator of its own) is put back before every
message into the state that it had at the message's place in the live run, as far as places and shapes decide it.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import safetensors.torch
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
_INFERENCE = frozenset({Kind.HIDDEN, Kind.REPRESENTATION})
"""Kinds that parties send from a forward in inference mode."""


def join(messages: Sequence[Message]) -> tuple[dict[str, Any], bytes]:
    """One head and one blob of many messages of one kind with the same fields; floats leave as float32.

    Raises:
        CodecError: they differ in kind, in fields, or in a field's type.
    """
    first = messages[0]
    if any(m.kind is not first.kind or m.payload.keys() != first.payload.keys() for m in messages):
        raise CodecError("messages of one batch must be of one kind and have the same fields")
    fields = [name for name, value in first.payload.items() if isinstance(value, Tensor | Packed)]
    others = len(fields) < len(first.payload)
    try:
        columns = {name: [m[name] for m in messages] for name in fields}
        flat = {name: torch.cat([_plain(value).reshape(-1) for value in column]) for name, column in columns.items()}
    except (AttributeError, TypeError, RuntimeError) as error:
        raise CodecError(f"messages of one batch must have fields of one type: {error}") from error
    head = {
        "kind": first.kind.value,
        "at": [[m.session, m.step, m.round] for m in messages],
        "shapes": {name: [list(value.shape) for value in column] for name, column in columns.items()},
        "values": [{k: v for k, v in m.payload.items() if k not in columns} for m in messages] if others else None,
    }
    return head, safetensors.torch.save(flat)


def split(head: Mapping[str, Any], blob: bytes) -> list[Message]:
    """The messages of :func:`join`; :class:`CodecError` where head and blob do not fit."""
    try:
        kind, at = Kind(head["kind"]), head["at"]
        values = head["values"] or [{}] * len(at)
        flat = safetensors.torch.load(blob)
        columns: dict[str, list[Tensor]] = {}
        for name, shapes in head["shapes"].items():
            parts = torch.split(flat[name], [math.prod(shape) for shape in shapes])
            columns[name] = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        return [
            Message(kind, {**{name: column[i] for name, column in columns.items()}, **rest}, int(s), int(t), int(r))
            for i, ((s, t, r), rest) in enumerate(zip(at, values, strict=True))
        ]
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, safetensors.SafetensorError) as error:
        raise CodecError(f"malformed batch of messages: {type(error).__name__}: {error}") from error


def _plain(value: Tensor) -> Tensor:
    value = value.detach()
    return value.to(torch.float32) if value.is_floating_point() else value


@dataclass
class Requests:
    """Requests about one hosted party's defense, which has been set up and has sent nothing."""

    defense: Defense
    _state: _Watched | None = None

    def defend(self, head: Mapping[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
        """Answers to a batch of messages, ``repeats`` times over, with noise seeded by ``seed``.

        ``history`` holds the places and shapes of the live run's messages in order.
        """
        with torch.inference_mode(head["kind"] in _INFERENCE):
            messages = split(head, blob)
        _reseed(self.defense, int(head["seed"]))
        if self._state is None:
            self._state = _Watched(self.defense, head["history"], messages[0])
            _reseed(self.defense, int(head["seed"]))
        wanted = [message for _ in range(int(head["repeats"])) for message in messages]
        if not self._state.changes:
            return join([send_through(self.defense, message) for message in wanted])
        sent: dict[int, Message] = {}
        places = [self._state.index(message) for message in wanted]
        for number in sorted(range(len(wanted)), key=places.__getitem__):
            self._state.restore(wanted[number])
            sent[number] = send_through(self.defense, wanted[number])
        return join([sent[number] for number in range(len(wanted))])


def send_through(defense: Defense, message: Message) -> Message:
    """One message through a defense, held against the contract; what the ledger would say of it, nobody asks."""
    defense.me.begin(message)
    return check_outgoing(message, defense.send(message))


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
        for message in self._history or [like]:
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
