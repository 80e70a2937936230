"""Records of a data set by use, with every label equally often or as labels come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.scenario import Record, Splits, SuiteError, assert_disjoint, distinct, draw, numpy_generator
from scenarios.common.plans import Axes
from scenarios.synthetic_fusion.settings import Settings

__all__ = ["Pool", "draw_pool", "labelled"]


@dataclass(frozen=True)
class Pool:
    """Disjoint records by use."""

    private: tuple[Record, ...]
    auxiliary: tuple[Record, ...]
    test: tuple[Record, ...]
    public: tuple[Record, ...]


def draw_pool(settings: Settings, records: Sequence[Record], axes: Axes) -> Pool:
    """Draw private, auxiliary and test records, with ``balanced`` of every label equally often; public ones are drawn
    from the rest, as labels come.

    Where clients hold natural groups, no group is in two of these parts: public texts are then drawn with the others,
    and only the private records have every label exactly equally often.

    Raises:
        SuiteError: labels of the data and of ``prefixes`` differ.
        DataError: too few records, with the counts.
    """
    pool = sorted(distinct(labelled(records, settings.label_attribute)), key=lambda record: record.id)
    labels = sorted({str(record.label) for record in pool})
    if labels != sorted(settings.prefixes):
        raise SuiteError(
            f"data {settings.data!r} have labels {labels[:10]}, prefixes are of {sorted(settings.prefixes)}"
        )
    rng = numpy_generator("splits", *axes)
    sizes = {"private": settings.records, "auxiliary": settings.auxiliary, "test": settings.test}
    asked = _balanced(pool, axes) if settings.balanced else pool
    if settings.partition == "group":
        apart = {**sizes, "public": settings.public}
        drawn = draw(asked, apart, rng, balance=settings.balanced, disjoint_groups=True)
        return Pool(drawn.private, drawn.auxiliary, drawn.test, drawn.public)
    scored = draw(asked, sizes, rng)
    taken = {record.id for part in (scored.private, scored.auxiliary, scored.test) for record in part}
    public = draw([r for r in pool if r.id not in taken], {"public": settings.public}, rng).public
    assert_disjoint(Splits(scored.private, scored.auxiliary, public, (), scored.test))
    return Pool(scored.private, scored.auxiliary, scored.test, public)


def labelled(records: Sequence[Record], attribute: str) -> list[Record]:
    """``records`` with ``"0"`` or ``"1"``, the value of ``attribute``, as label; those that lack it are left out.

    Without an attribute as they are.

    Raises:
        SuiteError: no record has it.
    """
    if not attribute:
        return list(records)
    relabelled = [replace(r, label=str(r.attributes[attribute])) for r in records if attribute in r.attributes]
    if not relabelled:
        known = sorted({name for record in records for name in record.attributes})
        raise SuiteError(f"label_attribute: no record has {attribute!r}; their attributes are {known}")
    return relabelled


def _balanced(pool: Sequence[Record], axes: Axes) -> list[Record]:
    """As many records of every label as the rarest has, drawn at random."""
    order = numpy_generator("balance", *axes).permutation(len(pool)).tolist()
    least = min(Counter(record.label for record in pool).values())
    counts: Counter[str | None] = Counter()
    balanced = []
    for index in order:
        label = pool[index].label
        counts[label] += 1
        if counts[label] <= least:
            balanced.append(pool[index])
    return balanced
