"""Data with every label equally often and each record reserved for one split.

Scenarios draw their splits in different orders and sizes. From reserved records they draw the same private and the same
held-out ones whatever else they draw, where sizes and seeds of these two are the same: so several scenarios can be
measured on one task. The seed, in which the salt of an official run is, still chooses among a split's records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from harness.data.record import Record
from harness.errors import DataError

__all__ = ["SHARES", "chosen", "reserved"]

SHARES: Mapping[str, float] = MappingProxyType({"private": 0.3, "auxiliary": 0.35, "public": 0.2, "test": 0.15})
"""Split -> share of the records of each label that is reserved for it."""


def chosen(records: Iterable[Record], labels: Sequence[str], least_words: int) -> list[Record]:
    """Records of one of ``labels`` (of any, where none are given) with at least so many words.

    Raises:
        DataError: a label that no such record has.
    """
    kept = [r for r in records if (not labels or r.label in labels) and len(r.text.split()) >= least_words]
    if missing := sorted(set(labels) - {str(record.label) for record in kept}):
        raise DataError(f"labels: no record of at least {least_words} words is labelled {missing}; correct the labels")
    return kept


def reserved(records: Iterable[Record]) -> list[Record]:
    """As many records of every label as the rarest has, each for one split, in shares of :data:`SHARES`.

    Which record is for which split follows from the hashes of its text, so that it depends on no seed and is known to
    everybody, as the data are.

    Raises:
        DataError: a record without a label.
    """
    by_label: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.id):
        if record.label is None:
            raise DataError(f"record {record.text[:40]!r} has no label: reserve labelled data, set label_column")
        by_label.setdefault(record.label, []).append(record)
    least = min((len(group) for group in by_label.values()), default=0)
    return [
        replace(record, split=split)
        for label in sorted(by_label)
        for record, split in zip(by_label[label][:least], _splits(least), strict=True)
    ]


def _splits(count: int) -> list[str]:
    """The split of each of ``count`` records in order; of the last one whatever rounding leaves."""
    names = list(SHARES)
    each = [int(count * SHARES[name]) for name in names[:-1]]
    each.append(count - sum(each))
    return [name for name, size in zip(names, each, strict=True) for _ in range(size)]
