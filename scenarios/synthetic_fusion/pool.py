"""Which records are private, the attacker's, public or for the test; and the generator made from the public ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.scenario import (
    Record,
    Splits,
    SuiteError,
    assert_disjoint,
    derive,
    distinct,
    draw,
    numpy_generator,
    torch_generator,
)
from scenarios.synthetic_fusion.prompts import listing
from scenarios.synthetic_fusion.scratch import Scratch, scratch_model
from scenarios.synthetic_fusion.settings import SCRATCH, Settings

__all__ = ["Pool", "draw_pool", "generator_of", "labelled"]

Axes = tuple[str | int, ...]


@dataclass(frozen=True)
class Pool:
    """Disjoint records by use."""

    private: tuple[Record, ...]
    auxiliary: tuple[Record, ...]
    test: tuple[Record, ...]
    public: tuple[Record, ...]


def draw_pool(settings: Settings, records: Sequence[Record], axes: Axes) -> Pool:
    """Draws private, auxiliary and test records, with ``balanced`` of every label equally often; public ones are drawn
    from what is left, as labels come.

    Where clients hold natural groups, no group is in two of these parts: public texts are then drawn with the others,
    and only the private records have every label exactly equally often.

    Raises:
        SuiteError: labels of the data and of ``prefixes`` differ.
        DataError: too few records, with the counts.
    """
    pool = sorted(distinct(labelled(records, settings.label_attribute)), key=lambda record: record.id)
    found = sorted({str(record.label) for record in pool})
    if found != sorted(settings.prefixes):
        raise SuiteError(
            f"data {settings.data!r} have labels {found[:10]}, prefixes are of {sorted(settings.prefixes)}"
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
    found = [replace(r, label=str(r.attributes[attribute])) for r in records if attribute in r.attributes]
    if not found:
        known = sorted({name for record in records for name in record.attributes})
        raise SuiteError(f"label_attribute: no record has {attribute!r}; their attributes are {known}")
    return found


def generator_of(settings: Settings, public: Sequence[Record], axes: Axes) -> str:
    """Reference of the generator's model; a scratch model is trained on the public texts first, once per machine.

    Raises:
        SuiteError: a scratch generator without public texts, or unknown sizes of it.
    """
    if settings.generator != SCRATCH:
        return settings.generator
    problems = [] if public else ["a scratch generator needs public texts: raise public"]
    problems += [f"scratch.{name}: unknown" for name in settings.scratch if name not in Scratch.__dataclass_fields__]
    if problems:
        raise SuiteError("; ".join(problems))
    size = Scratch(**{k: v if k in ("lr", "epochs") else int(v) for k, v in settings.scratch.items()})  # type: ignore[arg-type]
    rng = numpy_generator("public labels", *axes)
    labels = sorted(settings.prefixes)
    marks = [str(r.label) if settings.labelled_public else labels[int(rng.integers(len(labels)))] for r in public]
    lines = [
        f"{listing('', settings.prefixes, (), m)} {' '.join(r.text.split())}"
        for r, m in zip(public, marks, strict=True)
    ]
    seed = derive("scratch", *axes)
    return str(scratch_model(lines, size, torch_generator("scratch", *axes), seed))


def _balanced(pool: Sequence[Record], axes: Axes) -> list[Record]:
    """Of every label as many records as the rarest has, drawn at random."""
    order = numpy_generator("balance", *axes).permutation(len(pool)).tolist()
    least = min(Counter(record.label for record in pool).values())
    kept: Counter[str | None] = Counter()
    found = []
    for index in order:
        label = pool[index].label
        kept[label] += 1
        if kept[label] <= least:
            found.append(pool[index])
    return found
