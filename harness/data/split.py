"""Disjoint splits of a dataset: what the private party owns, and what everyone else may know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import TYPE_CHECKING

from harness.data import quota
from harness.data.record import Record, distinct
from harness.errors import DataError

if TYPE_CHECKING:
    import numpy

__all__ = ["SPLITS", "Splits", "assert_disjoint", "draw"]

_Allowed = Callable[[Record], "frozenset[str]"]


@dataclass(frozen=True)
class Splits:
    """Disjoint parts of one dataset; a part that was not asked for is empty.

    ``private``: the records to protect. ``auxiliary``: the adversary's own data. ``public``: what a defense may be
    set up with. ``known``: texts of the (plain, message) pairs the adversary knows. ``test``: held out, for utility.
    """

    private: tuple[Record, ...] = ()
    auxiliary: tuple[Record, ...] = ()
    public: tuple[Record, ...] = ()
    known: tuple[Record, ...] = ()
    test: tuple[Record, ...] = ()


SPLITS = tuple(field.name for field in fields(Splits))
_DEPLOYMENT = frozenset({"private", "known", "test"})
_ALL = frozenset(SPLITS)
_OTHERS = _ALL - _DEPLOYMENT


def draw(
    records: Sequence[Record],
    sizes: Mapping[str, int],
    rng: numpy.random.Generator,
    *,
    stratify: bool = True,
    balance: bool = True,
    group: str | None = None,
    disjoint_groups: bool = False,
) -> Splits:
    """Draw disjoint splits without replacement; equal sets of records, sizes and generator states draw equally.

    Members and non-members of a membership test should both come from ``private``: where it is balanced, its
    label shares differ from those of the other splits, and the label alone would tell members.

    Args:
        records: the pool, in any order; of records with one id the first is used.
        sizes: number of records by name of split; names left out get none.
        rng: the source of every choice.
        stratify: the splits keep the label shares of the pool, to within one record per label.
        balance: ``private`` holds every label equally often instead, to within one record.
        group: draw private, known and test from this group and the other splits from all other groups
            (out-of-domain auxiliary data).
        disjoint_groups: no group has records in two splits, as for films or authors.

    Raises:
        DataError: unknown or negative sizes, or too few records, with the counts.
    """
    pool = sorted(distinct(records), key=lambda record: record.id)
    _check(pool, sizes, group, disjoint_groups)
    left = [pool[index] for index in rng.permutation(len(pool)).tolist()]
    allowed = _allowed(left, sizes, rng, group, disjoint_groups)
    drawn: dict[str, tuple[Record, ...]] = {}
    problems: list[str] = []
    for split in SPLITS:
        candidates = [record for record in left if split in allowed(record)]
        equal = balance and split == "private"
        chosen = _take(split, candidates, sizes.get(split, 0), equal, equal or stratify, problems)
        drawn[split] = tuple(chosen[index] for index in rng.permutation(len(chosen)).tolist())
        taken = {record.id for record in drawn[split]}
        left = [record for record in left if record.id not in taken]
    if problems:
        raise DataError(f"{len(pool)} distinct records are too few: " + "; ".join(problems))
    splits = Splits(**drawn)
    assert_disjoint(splits)
    return splits


def assert_disjoint(splits: Splits) -> None:
    """Refuse splits that share a record, by content id (so also by a text that differs in case or spacing alone).

    Raises:
        DataError: names every pair of splits that overlap, or a split that repeats a record, with example texts.
    """
    texts = {name: {record.id: record.text for record in getattr(splits, name)} for name in SPLITS}
    problems = [
        f"{name} holds {len(getattr(splits, name)) - len(texts[name])} records twice"
        for name in SPLITS
        if len(texts[name]) < len(getattr(splits, name))
    ]
    for first, other in combinations(SPLITS, 2):
        shared = sorted(texts[first].keys() & texts[other].keys())
        if shared:
            problems.append(f"{first} and {other} share {len(shared)} records such as {texts[first][shared[0]][:40]!r}")
    if problems:
        raise DataError("splits overlap: " + "; ".join(problems))


def _check(pool: Sequence[Record], sizes: Mapping[str, int], group: str | None, disjoint_groups: bool) -> None:
    problems = [f"unknown split {name!r}, not one of {SPLITS}" for name in sizes if name not in SPLITS]
    problems += [f"size of {name} is {size}" for name, size in sizes.items() if size < 0]
    groups = {record.group for record in pool}
    if group is not None and group not in groups:
        problems.append(f"no record is of group {group!r}; groups: {sorted(filter(None, groups))[:10]}")
    if group is not None and disjoint_groups:
        problems.append("give group or disjoint_groups, not both")
    if disjoint_groups and None in groups:
        problems.append("disjoint_groups needs records that all have a group")
    if problems:
        raise DataError("cannot draw splits: " + "; ".join(problems))


def _allowed(
    pool: Sequence[Record],
    sizes: Mapping[str, int],
    rng: numpy.random.Generator,
    group: str | None,
    apart: bool,
) -> _Allowed:
    """The splits that a record may enter: those that it is reserved for, among those of its group."""
    if group is not None:
        return lambda record: _reserved(record) & (_DEPLOYMENT if record.group == group else _OTHERS)
    if apart:
        homes = _homes(Counter(str(record.group) for record in pool), sizes, rng)
        return lambda record: _reserved(record) & homes[str(record.group)]
    return _reserved


def _reserved(record: Record) -> frozenset[str]:
    """Known texts come from among the public ones."""
    if record.split is None:
        return _ALL
    return frozenset({record.split, "known"} if record.split == "public" else {record.split})


def _homes(
    groups: Mapping[str, int], sizes: Mapping[str, int], rng: numpy.random.Generator
) -> dict[str, frozenset[str]]:
    """A split for every group: in random order, each goes where the smallest share of the need is met."""
    needed = {split: size for split, size in sizes.items() if size > 0}
    held = dict.fromkeys(needed, 0)
    homes: dict[str, frozenset[str]] = {}
    for name in rng.permutation(sorted(groups)).tolist():
        home = min(needed, key=lambda split: (held[split] / needed[split], split), default="private")
        homes[name] = frozenset({home})
        held[home] = held.get(home, 0) + groups[name]
    return homes


def _take(
    split: str, candidates: Sequence[Record], size: int, equal: bool, by_label: bool, problems: list[str]
) -> tuple[Record, ...]:
    labels = Counter(_stratum(record, by_label) for record in candidates)
    quotas = quota.equal(labels, size) if equal else quota.proportional(labels, size)
    short = {label or "any": (labels[label], quota) for label, quota in quotas.items() if labels[label] < quota}
    if len(candidates) < size:
        short = {"any": (len(candidates), size)}
    problems += [f"{split} needs {want} of label {label}, {have} are left" for label, (have, want) in short.items()]
    return () if short else _first(candidates, quotas, by_label)


def _first(candidates: Sequence[Record], quotas: Mapping[str, int], by_label: bool) -> tuple[Record, ...]:
    """The first of each stratum, up to its quota. Small strata fill up last, so shuffle the result."""
    open_places = dict(quotas)
    taken = []
    for record in candidates:
        stratum = _stratum(record, by_label)
        if open_places[stratum] > 0:
            open_places[stratum] -= 1
            taken.append(record)
    return tuple(taken)


def _stratum(record: Record, by_label: bool) -> str:
    return (record.label or "") if by_label else ""
