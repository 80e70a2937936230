"""Records divided among the clients of a federation, by label shares or by natural group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.data.record import Item, Record
from harness.errors import DataError

if TYPE_CHECKING:
    import numpy

__all__ = ["Parts", "by_dirichlet", "by_group", "label_counts", "label_shares", "partition"]

Parts = tuple[tuple[Record, ...], ...]
"""One tuple of records for each client."""

_ATTEMPTS = 1000


def partition(
    records: Sequence[Record],
    clients: int,
    rng: numpy.random.Generator,
    *,
    how: str = "dirichlet",
    alpha: float = 0.1,
    least: int = 2,
    labels: Sequence[str] = (),
    loads: Sequence[int] = (),
) -> Parts:
    """Divide ``records`` among ``clients`` by ``how``: :func:`by_dirichlet` or :func:`by_group`.

    ``labels``: classes of which there must be records (none given: those that occur). ``loads``: records that each
    client has already, by group alone.
    """
    if how not in ("dirichlet", "group"):
        raise DataError(f"cannot divide records by {how!r}: choose dirichlet or group")
    if how == "group":
        return by_group(records, clients, rng, least=least, labels=labels, loads=loads)
    return by_dirichlet(records, clients, alpha, rng, least=least, labels=labels)


def by_dirichlet(
    records: Sequence[Record],
    clients: int,
    alpha: float,
    rng: numpy.random.Generator,
    *,
    least: int = 2,
    labels: Sequence[str] = (),
) -> Parts:
    """Every class is cut among the clients in proportions drawn from Dirichlet(``alpha``, ..., ``alpha``).

    Small ``alpha``: each class sits with few clients. Drawn again until every client has ``least`` records.
    (Yurochkin et al. 2019, Bayesian nonparametric federated learning of neural networks, section 4.)

    Raises:
        DataError: with everything wrong about the input; or no draw gave every client enough.
    """
    problems = _problems(records, clients, least, labels)
    problems += [] if alpha > 0 else [f"alpha must be positive, got {alpha}"]
    problems += [] if all(r.label is not None for r in records) else ["some records have no label: set label_column"]
    _raise(problems)
    classes: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: r.id):
        classes.setdefault(str(record.label), []).append(record)
    for _ in range(_ATTEMPTS):
        parts = _cut(classes, clients, alpha, rng)
        if min(map(len, parts)) >= least:
            return _shuffled(parts, rng)
    raise DataError(
        f"no draw of Dirichlet({alpha}) gave each of {clients} clients {least} of {len(records)} records: "
        "raise alpha, give more records, or fewer clients"
    )


def by_group(
    records: Sequence[Record],
    clients: int,
    rng: numpy.random.Generator,
    *,
    least: int = 2,
    labels: Sequence[str] = (),
    loads: Sequence[int] = (),
) -> Parts:
    """Whole natural groups (films, publishers, authors): in random order, each to the client with fewest records, those
    of its ``loads`` counted.

    Raises:
        DataError: with everything wrong about the input; fewer groups than clients.
    """
    problems = _problems(records, clients, least, labels)
    groups: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: r.id):
        groups.setdefault(record.group or "", []).append(record)
    problems += ["some records have no group: set group_column"] if "" in groups else []
    problems += [f"{len(groups)} groups are too few for {clients} clients"] if 0 < len(groups) < clients else []
    _raise(problems)
    parts: list[list[Record]] = [[] for _ in range(clients)]
    loads = loads or [0] * clients
    for name in rng.permutation(sorted(groups)).tolist():
        smallest = min(range(clients), key=lambda k: len(parts[k]) + loads[k])
        parts[smallest].extend(groups[name])
    if short := [len(part) for part, load in zip(parts, loads, strict=True) if len(part) + load < least]:
        raise DataError(f"{len(short)} of {clients} clients got {min(short)} records by group; {least} are needed")
    return _shuffled(parts, rng)


def label_counts(records: Iterable[Record | Item], labels: Sequence[str]) -> dict[str, int]:
    """Records of each of ``labels``, zeros included.

    Raises:
        DataError: a record has another label.
    """
    counts = Counter(record.label for record in records)
    if strange := sorted({str(label) for label in counts} - set(labels)):
        raise DataError(f"records are labelled {strange[:5]}, which is not among the labels {list(labels)[:20]}")
    return {label: counts[label] for label in labels}


def label_shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Class proportions of counts; raises DataError where there is no record at all."""
    total = sum(counts.values())
    if total == 0:
        raise DataError("a client without records has no label shares")
    return {label: count / total for label, count in counts.items()}


def _problems(records: Sequence[Record], clients: int, least: int, labels: Sequence[str]) -> list[str]:
    problems = [] if clients >= 2 else [f"{clients} client: sharing needs at least 2"]
    problems += [] if least >= 1 else [f"every client needs at least 1 record, not {least}"]
    ids = Counter(record.id for record in records)
    if twice := [record.text for record in records if ids[record.id] > 1]:
        problems.append(f"{len(twice)} records overlap (equal texts), such as {twice[0][:40]!r}: deduplicate them")
    if missing := sorted(set(labels) - {str(record.label) for record in records}):
        problems.append(f"classes without a single record: {missing[:10]}")
    if len(records) < max(clients, 1) * max(least, 1):
        problems.append(f"{len(records)} records are too few for {clients} clients of at least {least}")
    return problems


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise DataError("cannot divide the records: " + "; ".join(problems))


def _cut(
    classes: Mapping[str, Sequence[Record]], clients: int, alpha: float, rng: numpy.random.Generator
) -> list[list[Record]]:
    """One draw: each class shuffled and cut at the cumulative proportions."""
    parts: list[list[Record]] = [[] for _ in range(clients)]
    for name in sorted(classes):
        members = classes[name]
        order = rng.permutation(len(members)).tolist()
        ends = (rng.dirichlet([alpha] * clients).cumsum() * len(members)).round().astype(int).tolist()
        for part, start, end in zip(parts, [0, *ends], [*ends[:-1], len(members)], strict=False):
            part.extend(members[i] for i in order[start:end])
    return parts


def _shuffled(parts: Sequence[Sequence[Record]], rng: numpy.random.Generator) -> Parts:
    """Each client's records in random order, so that their order tells nothing of label or group."""
    return tuple(tuple(part[i] for i in rng.permutation(len(part)).tolist()) for part in parts)
