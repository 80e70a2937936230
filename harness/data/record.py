"""A record: one text that a party owns, with what can be inferred about it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from harness.errors import DataError

__all__ = ["Record", "Span", "content_hash", "content_id", "distinct", "make", "records", "to_dataset"]

_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Span:
    """A stretch of personal information: characters ``start`` (inclusive) to ``end`` (exclusive) of a text."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Item:
    """One private text as its party holds it: an input to answer (no label), or a labelled training record."""

    id: str
    text: str
    label: str | None = None
    choices: tuple[str, ...] = ()
    """Continuations of the text that its party compares: private like the text, but no secret that is scored."""


@dataclass(frozen=True)
class Record:
    """One text. ``attributes`` holds binary properties (0 or 1) that are not the task's label.

    An attribute that is undefined for a text (the gender of a person where none is named) is absent.
    """

    id: str
    text: str
    label: str | None = None
    group: str | None = None
    spans: tuple[Span, ...] = ()
    attributes: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    split: str | None = None
    """The only split that may draw it, where its data keep splits apart (:mod:`harness.data.reserve`)."""


def content_id(text: str) -> str:
    """Identity of a text: 16 hexadecimal digits of SHA-256.

    Unicode form, case and spacing are folded first, so that trivial variants of a text collide and
    cannot end up on two sides of a split.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return hashlib.sha256(" ".join(folded.split()).encode()).hexdigest()[:16]


def make(
    text: str,
    *,
    label: str | None = None,
    group: str | None = None,
    spans: Iterable[Span] = (),
    attributes: Mapping[str, int] | None = None,
) -> Record:
    """Build a checked record; its id follows from the text.

    Raises:
        DataError: the text is blank, a span lies outside it, or an attribute is not 0 or 1.
    """
    spans, attributes = tuple(spans), dict(attributes or {})
    problems = [] if text.strip() else ["the text is blank"]
    size = len(text)
    problems += [f"{span} is outside 0..{size}" for span in spans if not 0 <= span.start < span.end <= size]
    odd = {key: value for key, value in attributes.items() if value not in (0, 1)}
    problems += [f"attribute {key!r} is {value!r}, not 0 or 1" for key, value in odd.items()]
    if problems:
        raise DataError(f"record {text[:40]!r} is not valid: " + "; ".join(problems))
    return Record(content_id(text), text, label, group, spans, MappingProxyType(attributes))


def distinct(records: Iterable[Record]) -> tuple[Record, ...]:
    """The first record of each id, in order."""
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record.id, record)
    return tuple(first.values())


def content_hash(records: Iterable[Record]) -> str:
    """Fingerprint of records: SHA-256 (hex) over their full content, in order.

    The fingerprints of the ``datasets`` library follow file times and paths, so they identify no content.
    """
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps(_row(record), sort_keys=True, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()


def to_dataset(records: Iterable[Record]) -> Any:
    """A ``datasets.Dataset`` with columns id, text, label, group, spans, attributes (a JSON object); split, too, where
    records are reserved for one.

    ``spans`` is a list of {start, end, kind}; label and group are null where there is none.
    """
    from datasets import Dataset, Features, List, Value

    span = {"start": Value("int32"), "end": Value("int32"), "kind": Value("string")}
    names = ("id", "text", "label", "group", "attributes")
    features = Features({**{name: Value("string") for name in names}, "spans": List(span)})
    known = list(records)
    rows = [_row(record) for record in known]
    columns = {name: [row[name] for row in rows] for name in features}
    if any(record.split for record in known):
        features["split"] = Value("string")
        columns["split"] = [record.split for record in known]
    return Dataset.from_dict(columns, features=features)


def records(dataset: Any) -> list[Record]:
    """Records of a dataset with the columns of :func:`to_dataset`.

    Raises:
        DataError: a column is missing, or a stored id is not that of its text.
    """
    with _READING:
        if dataset not in _READ:
            _READ[dataset] = tuple(_records(dataset))
        return list(_READ[dataset])


_READ: WeakKeyDictionary[Any, tuple[Record, ...]] = WeakKeyDictionary()
"""Records of datasets that are still in use: entries of a suite mostly share them."""
_READING = Lock()


def _records(dataset: Any) -> list[Record]:
    missing = {"id", "text", "label", "group", "spans", "attributes"} - set(dataset.column_names)
    if missing:
        raise DataError(f"dataset lacks the columns {sorted(missing)}: build it with harness.data.load")
    return [_from_row(row) for row in dataset]


def _from_row(row: Mapping[str, Any]) -> Record:
    spans = [Span(span["start"], span["end"], span["kind"]) for span in row["spans"]]
    attributes = json.loads(row["attributes"])
    record = make(row["text"], label=row["label"], group=row["group"], spans=spans, attributes=attributes)
    if record.id != row["id"]:
        raise DataError(f"row {row['id']!r} holds a text of id {record.id!r}: edited after loading; load it again")
    return replace(record, split=row.get("split"))


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "text": record.text,
        "label": record.label,
        "group": record.group,
        "spans": [{"start": span.start, "end": span.end, "kind": span.kind} for span in record.spans],
        "attributes": json.dumps(dict(sorted(record.attributes.items()))),
    }
