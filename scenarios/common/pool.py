"""Records of a data set by use: those of the wanted classes, divided into private, auxiliary, public and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.scenario import Record, Splits, SuiteError, content_hash, draw, make

if TYPE_CHECKING:
    import numpy

    from scenarios.common.population import Population
    from scenarios.common.settings import PopulationSettings

__all__ = ["draw_splits", "fingerprint", "of_wanted_classes", "read_records"]


def read_records(data: str, options: Mapping[str, Any]) -> list[Record]:
    """All records of an embedded, local or hub data set."""
    from harness.scenario import load, records

    return list(records(load(data, **options)))


def of_wanted_classes(pool: Sequence[Record], data: str, classes: int, named: Sequence[str] = ()) -> list[Record]:
    """Records of the ``classes`` most frequent classes, ties by name; of all classes for 0.

    With ``named``, only classes of these names come into question.

    Raises:
        SuiteError: the data lacks a named class, or has fewer classes than asked for, or fewer than two.
    """
    if missing := sorted(set(named) - {str(record.label) for record in pool}):
        raise SuiteError(f"data {data!r} has no class named {missing}: correct the setting named")
    sizes = Counter(
        record.label for record in pool if record.label is not None and (not named or record.label in named)
    )
    order = sorted(sizes, key=lambda label: (-sizes[label], str(label)))
    wanted = set(order[: classes or None])
    if len(wanted) < max(2, classes):
        raise SuiteError(
            f"data {data!r} has {len(sizes)} classes; {max(2, classes)} are needed: set "
            'data_options, for example { label_column = "group" }'
        )
    return [record for record in pool if record.label in wanted]


def draw_splits(
    settings: PopulationSettings,
    pool: Sequence[Record],
    rng: numpy.random.Generator,
    *,
    test: int | None = None,
    known: int = 0,
) -> Splits:
    """Disjoint parts of ``pool`` in the sizes of the settings; ``test`` stands in for the setting of that name, and
    ``known`` records more are drawn for other uses.

    Raises:
        DataError: too few records, with the counts.
    """
    sizes = {
        "private": settings.records,
        "auxiliary": settings.auxiliary,
        "public": settings.public,
        "known": known,
        "test": settings.test if test is None else test,
    }
    return draw(pool, sizes, rng, balance=False, disjoint_groups=settings.partition == "group")


def fingerprint(population: Population) -> str:
    """Content hash of all private records, with their labels and owners."""
    return content_hash(
        [make(i.text, label=i.label, group=p) for p, items in population.records.items() for i in items]
    )
