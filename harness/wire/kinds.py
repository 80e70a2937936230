"""The contract of message kinds: the fields that a payload of each kind has, their types and their sizes.

Attacks and scenarios meet in message kinds, so both are written against this table, and the channel holds every message
of every run against it. What a scenario makes public about a kind beside its messages stands in
:mod:`harness.wire.facts`. Sizes are named: one name is one number within a message, so that ``logits [n, C]`` and
``index [n]`` have equally many rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import torch
from torch import Tensor

from harness.wire.facts import Facts, GeneratorFacts, GradientFacts, LogitFacts, PrototypeFacts, SplitFacts, VoteFacts
from harness.wire.message import Kind, Message, Value
from harness.wire.packing import Packed

__all__ = ["CONTRACTS", "FieldType", "KindContract", "PayloadField", "payload_problems"]

_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})


class FieldType(Enum):
    """The types that a payload field may have; the value is its description in messages."""

    FLOATS = "a tensor of floating-point numbers"
    NUMBERS = "a tensor of numbers"
    TEXT = "a text"
    TEXTS = "a list of texts"
    INTEGERS = "a list of whole numbers"
    LABELS = "a list of class names or class numbers"
    NUMBER = "a number"


@dataclass(frozen=True)
class PayloadField:
    """One field of a payload; ``shape`` names the sizes of a tensor, or the length of a list."""

    type: FieldType
    shape: tuple[str, ...] = ()
    optional: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class KindContract:
    """All that a payload of one kind may hold."""

    meaning: str
    fields: Mapping[str, PayloadField]
    one_of: tuple[str, ...] = ()
    """Optional fields of which at least one must be there."""
    others: FieldType | None = None
    """Type of the fields under names of the sender's own choice; None: there are none, unless ``open``."""
    open: bool = False
    """Fields of any name and wire type are allowed: nothing beyond the codec is checked."""
    facts: tuple[type[Facts], ...] = ()
    """Public facts by which a scenario explains messages of this kind."""


_F = PayloadField
_T = FieldType

CONTRACTS: Mapping[Kind, KindContract] = MappingProxyType(
    {
        Kind.TEXT: KindContract(
            "a text in plain words",
            {"text": _F(_T.TEXT, meaning="the text")},
        ),
        Kind.HIDDEN: KindContract(
            "hidden states of a split model, one row for each new token",
            {
                "hidden": _F(_T.FLOATS, ("n", "d"), meaning="residual stream after the cut"),
                "lengths": _F(_T.INTEGERS, ("m",), optional=True, meaning="rows of each continuation of one prompt"),
            },
            facts=(SplitFacts,),
        ),
        Kind.GRADIENT: KindContract(
            "gradients under the names of what they are gradients of",
            {"lengths": _F(_T.INTEGERS, ("m",), optional=True, meaning="rows of each text, of gradients of states")},
            others=_T.FLOATS,
            facts=(GradientFacts,),
        ),
        Kind.PARAMETERS: KindContract(
            "model parameters under their own names, and whatever travels with them",
            {},
            open=True,
            facts=(GeneratorFacts, GradientFacts),
        ),
        Kind.LOGITS: KindContract(
            "answers of a classifier or language model",
            {
                "logits": _F(_T.FLOATS, ("n", "C"), optional=True, meaning="one row for each query or token"),
                "index": _F(_T.INTEGERS, ("n",), optional=True, meaning="positions of the rows among the queries"),
                "selected": _F(_T.FLOATS, ("n",), optional=True, meaning="1 for rows that are to be learned from"),
                "queries": _F(_T.TEXTS, ("q",), optional=True, meaning="further texts to be answered"),
                "scores": _F(_T.FLOATS, ("C",), optional=True, meaning="class scores of one text"),
            },
            one_of=("logits", "scores"),
            facts=(LogitFacts,),
        ),
        Kind.REPRESENTATION: KindContract(
            "one vector for a whole text",
            {"representation": _F(_T.FLOATS, ("d",), meaning="mean over positions, normalised")},
            facts=(SplitFacts,),
        ),
        Kind.PROTOTYPE: KindContract(
            "one vector for each class",
            {
                "means": _F(_T.FLOATS, ("k", "d"), meaning="class means of features"),
                "classes": _F(_T.LABELS, ("k",), optional=True, meaning="the means' classes; absent: all, in order"),
                "counts": _F(_T.NUMBERS, ("k",), optional=True, meaning="records behind each mean"),
            },
            facts=(PrototypeFacts,),
        ),
        Kind.VOTE: KindContract(
            "a histogram of votes for the texts last received",
            {
                "votes": _F(_T.FLOATS, ("n",), meaning="votes for texts near to records"),
                "far": _F(_T.FLOATS, ("n",), optional=True, meaning="votes for texts far from records"),
            },
            facts=(VoteFacts,),
        ),
        Kind.SYNTHETIC_TEXT: KindContract(
            "texts that a generator wrote",
            {
                "texts": _F(_T.TEXTS, ("n",), meaning="the texts"),
                "labels": _F(_T.LABELS, ("n",), optional=True, meaning="the class that each text was written for"),
                "weights": _F(_T.FLOATS, ("n",), optional=True, meaning="weights of the texts in the task model"),
            },
            facts=(GeneratorFacts, VoteFacts),
        ),
        Kind.SCALAR: KindContract("numbers under names of the sender's own choice", {}, others=_T.NUMBER),
        Kind.CONTROL: KindContract("structure: lengths, counts, label sets, participation", {}, open=True),
    }
)
"""Every message kind's contract."""


def payload_problems(message: Message) -> list[str]:
    """Sentences about everything in a payload that breaks its kind's contract; none of a sound one.

    Looks at types and shapes alone: no tensor is copied or read.
    """
    contract = CONTRACTS[message.kind]
    if contract.open:
        return []
    payload = message.payload
    problems = [
        f"field {name!r} is missing ({_expected(field)})"
        for name, field in contract.fields.items()
        if not field.optional and name not in payload
    ]
    if contract.one_of and not any(name in payload for name in contract.one_of):
        problems.append(f"one of the fields {_quoted(contract.one_of)} must be there")
    sizes: dict[str, tuple[int, str]] = {}
    for name, value in payload.items():
        field = contract.fields.get(name)
        if field is not None:
            problems += _value_problems(name, field, value, sizes)
        elif contract.others is None:
            problems.append(f"field {name!r} is unknown; a {message.kind} has {_quoted(contract.fields)}")
        elif not _is(contract.others, value):
            problems.append(f"field {name!r} is {_described(value)}, not {contract.others.value}")
    return problems


def _value_problems(name: str, field: PayloadField, value: Value, sizes: dict[str, tuple[int, str]]) -> Iterator[str]:
    """Problems of one value; ``sizes`` are those of the fields before it, by the name of the size."""
    if not _is(field.type, value):
        yield f"field {name!r} is {_described(value)}, not {_expected(field)}"
        return
    if not field.shape:
        return
    shape = (
        tuple(value.shape)
        if isinstance(value, Tensor | Packed)
        else (len(value),)
        if isinstance(value, list | tuple)
        else ()
    )
    if len(shape) != len(field.shape):
        yield f"field {name!r} has shape {list(shape)}, not {_expected(field)}"
        return
    for size, number in zip(field.shape, shape, strict=True):
        known, owner = sizes.setdefault(size, (number, name))
        if known != number:
            yield f"field {name!r} has {size} = {number}, but {owner!r} has {size} = {known}"


def _is(kind: FieldType, value: Value) -> bool:
    if kind is FieldType.FLOATS:
        return isinstance(value, Packed) or (isinstance(value, Tensor) and value.dtype in _FLOATS)
    if kind is FieldType.NUMBERS:
        return isinstance(value, Packed) or (isinstance(value, Tensor) and value.dtype is not torch.bool)
    if kind is FieldType.TEXT:
        return isinstance(value, str)
    if kind is FieldType.NUMBER:
        return isinstance(value, int | float) or (isinstance(value, Tensor) and value.dim() == 0)
    if not isinstance(value, list | tuple):
        return False
    if kind is FieldType.TEXTS:
        return all(isinstance(item, str) for item in value)
    whole = all(isinstance(item, int) and not isinstance(item, bool) for item in value)
    return whole or (kind is FieldType.LABELS and all(isinstance(item, str) for item in value))


def _expected(field: PayloadField) -> str:
    return f"{field.type.value} [{', '.join(field.shape)}]" if field.shape else field.type.value


def _described(value: object) -> str:
    if isinstance(value, Packed):
        return f"a packed tensor {list(value.shape)}"
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, list | tuple):
        types = sorted({type(item).__name__ for item in value})
        return f"a list of {' and '.join(types)}" if types else "an empty list"
    return f"of type {type(value).__name__}"


def _quoted(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
