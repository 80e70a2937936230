"""From a suite entry's settings to a deployment: data drawn and divided, secrets, references, shadow runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Candidate,
    Classification,
    Coalition,
    DataError,
    Deployment,
    Encoder,
    Item,
    PartRef,
    PartyPlan,
    Public,
    Record,
    Splits,
    SuiteError,
    content_hash,
    draw,
    load_tokens,
    make,
    numpy_generator,
    plant_attribute,
    tokenizer_folder,
)
from scenarios.population import CURIOUS, Population, draw_shadow, populate
from scenarios.prototype_sharing.heldout import SPARE, held_out
from scenarios.prototype_sharing.protocol import server
from scenarios.prototype_sharing.secrets import secrets_of
from scenarios.prototype_sharing.settings import Settings

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build"]

POOLED = "everyone"
"""The one party of the centralised reference."""

_PUBLIC = (
    "method",
    "features",
    "rounds",
    "margin",
    "margin_cap",
    "server_epochs",
    "server_batch",
    "server_lr",
    "weighting",
)
_LOCAL = ("features", "rank", "reach", "rounds", "epochs", "batch_size", "lr", "pull")

Axes = tuple[str | int, ...]
Tests = Mapping[str, Sequence[tuple[Item, str]]]
"""Party -> its held-out texts with their labels."""


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    from harness.scenario import load, records

    pool = records(load(settings.data, **settings.data_options))
    return assemble(settings, pool, (*axes, settings.data))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    pool = _labelled(settings, pool)
    splits = _splits(settings, pool, numpy_generator("splits", *axes))
    labels = tuple(sorted({str(record.label) for record in pool}))
    encoder = Encoder(PartRef(settings.model, 0, settings.blocks), settings.max_tokens)
    population, chosen = populate(settings, splits.private, labels, numpy_generator("population", *axes))
    _check_held(population, labels)
    shown, test = _shown(settings, splits, axes)
    own, rng = settings.test_of == "own", numpy_generator("held out", *axes)
    tests = _tests(held_out(test, population.counts, settings.test, own, rng))
    common = _Common(settings, axes, encoder, labels, _width(settings, encoder, splits), splits.public)
    made = Deployment(
        function="scenarios.prototype_sharing.protocol:client",
        curious=server,
        parties=common.parties(population, tests),
        public=_public(common, shown),
        secrets=secrets_of(
            population, chosen, shown, load_tokens(tokenizer_folder(settings.model)), settings.max_tokens
        ),
        tasks=(Classification({i.id: label for items in tests.values() for i, label in items}),),
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{_fingerprint(population)}",
        settings={**{name: getattr(settings, name) for name in _PUBLIC}, "labels": list(labels), "width": common.width},
        encoder=encoder,
        coalitions={
            "server": Coalition("server", sees_server=True),
            "client": Coalition("client", frozenset({CURIOUS})),
        },
        candidates=chosen.candidates,
        truth=population.truth,
        knockout="rows",
        entitlement=_entitlement(settings, population),
    )
    bare = replace(made, candidates=(), secrets={})
    return replace(
        made,
        redraw=partial(_redraw, made, common, splits.auxiliary, chosen.candidates),
        variants={
            "local_only": lambda: replace(bare, parties=common.parties(population, tests, alone=True)),
            "centralised": lambda: replace(bare, parties=common.pooled(population, tests)),
        },
    )


@dataclass(frozen=True)
class _Common:
    """What the live run, its references and shadow runs share."""

    settings: Settings
    axes: Axes
    encoder: Encoder
    labels: tuple[str, ...]
    width: int
    public: Sequence[Record]

    def parties(self, population: Population, tests: Tests, alone: bool = False) -> dict[str, PartyPlan]:
        """One plan per client."""
        return {
            party: self.plan([item for item, _ in tests[party]], records, alone)
            for party, records in population.records.items()
        }

    def pooled(self, population: Population, tests: Tests) -> dict[str, PartyPlan]:
        """One party with everybody's records, which predicts all held-out texts."""
        records = [item for items in population.records.values() for item in items]
        return {POOLED: self.plan([item for found in tests.values() for item, _ in found], records, alone=True)}

    def plan(self, items: Sequence[Item], records: Sequence[Item], alone: bool) -> PartyPlan:
        """What one party gets."""
        local = {name: getattr(self.settings, name) for name in _LOCAL}
        local |= {"epochs": self.settings.alone_epochs / self.settings.rounds} if alone else {}
        counts = self.settings.method == "fedproto" and self.settings.weighting == "weighted"
        return PartyPlan(
            items=tuple(items),
            parts={},
            settings={**local, "labels": list(self.labels), "width": self.width, "send_counts": counts, "alone": alone},
            public_texts=tuple(record.text for record in self.public),
            seed=("defense", *self.axes),
            records=tuple(records),
            encoder=self.encoder,
        )


def _tests(held: Mapping[str, Sequence[Record]]) -> Tests:
    return {
        party: [(Item(f"{party}.t{i}", record.text), str(record.label)) for i, record in enumerate(records)]
        for party, records in held.items()
    }


def _labelled(settings: Settings, pool: Sequence[Record]) -> list[Record]:
    """Records of the wanted classes; :class:`SuiteError` where there are fewer than two."""
    sizes = Counter(record.label for record in pool if record.label is not None)
    kept = {
        label for label, _ in sorted(sizes.items(), key=lambda kv: (-kv[1], str(kv[0])))[: settings.classes or None]
    }
    if len(kept) < 2 or len(kept) < settings.classes:
        raise SuiteError(
            f"data {settings.data!r} has {len(sizes)} classes; {max(2, settings.classes)} are needed: set "
            'data_options, for example { label_column = "group" }'
        )
    return [record for record in pool if record.label in kept]


def _check_held(population: Population, labels: Sequence[str]) -> None:
    """No text can be classified as of a class without a prototype; :class:`DataError` where no party holds one."""
    if missing := [label for label in labels if not any(found[label] for found in population.counts.values())]:
        raise DataError(
            f"no client holds a record of {missing[:10]}, so that held-out texts of such a class cannot be told: give "
            "more records, fewer membership candidates, or set classes to the most frequent ones"
        )


def _splits(settings: Settings, pool: Sequence[Record], rng: numpy.random.Generator) -> Splits:
    sizes = {
        "private": settings.records,
        "auxiliary": settings.auxiliary,
        "public": settings.public,
        "test": settings.test * (SPARE if settings.test_of == "own" else 1),
    }
    return draw(pool, sizes, rng, balance=False, disjoint_groups=settings.partition == "group")


def _shown(settings: Settings, splits: Splits, axes: Axes) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Auxiliary and test records as they are used: signed half and half where a property is planted."""
    if not settings.planted:
        return splits.auxiliary, splits.test
    rng = numpy_generator("plant", *axes)
    return plant_attribute(splits.auxiliary, rng), plant_attribute(splits.test, rng)


def _width(settings: Settings, encoder: Encoder, splits: Splits) -> int:
    """Dimensions of the features."""
    from harness.scenario import embed

    if settings.features == "projection":
        return settings.width
    return int(embed(encoder, [splits.private[0].text]).shape[1])


def _public(common: _Common, auxiliary: tuple[Record, ...]) -> Public:
    settings = common.settings
    tokens = load_tokens(tokenizer_folder(settings.model))
    facts = {name: getattr(settings, name) for name in (*_PUBLIC, *_LOCAL, "data", "clients", "partition", "alpha")}
    facts |= {"labels": common.labels, "encoder": common.encoder, "width": common.width}
    facts |= {"parties": tuple(f"client{k}" for k in range(settings.clients)), "curious": CURIOUS}
    return Public(
        model=settings.model,
        cut=0,
        max_tokens=settings.max_tokens,
        auxiliary=auxiliary,
        prefix=tuple(tokens.prefix),
        suffix=tuple(tokens.suffix),
        special_ids=tokens.special_ids,
        pooled=True,
        facts=facts,
    )


def _redraw(
    made: Deployment,
    common: _Common,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    rng: numpy.random.Generator,
    members: Mapping[str, bool],
) -> Deployment:
    """A shadow deployment: nothing of the live run's private data but the candidates enters it; it classifies auxiliary
    texts, on which nothing that is sent depends."""
    population = draw_shadow(common.settings, auxiliary, candidates, members, common.labels, rng)
    order = [auxiliary[i] for i in rng.permutation(len(auxiliary)).tolist()]
    tests = _tests(held_out(order, population.counts, min(common.settings.test, len(order)), False, rng))
    parties = common.parties(population, tests)
    return replace(made, parties=parties, truth=population.truth, secrets={}, variants={})


def _fingerprint(population: Population) -> str:
    everything = [make(i.text, label=i.label, group=p) for p, items in population.records.items() for i in items]
    return content_hash(everything)


def _entitlement(settings: Settings, population: Population) -> dict[str, Any]:
    counts = [n for party, found in population.counts.items() if party != CURIOUS for n in found.values() if n]
    return {
        "weights": "start known, training hidden" if settings.features == "adapter" else settings.features,
        "auxiliary": settings.auxiliary,
        "auxiliary_domain": "in",
        "rounds": settings.rounds,
        "queries": "passive",
        "canaries": settings.canaries,
        "average_candidates": settings.average,
        "prototypes_of_one_record": sum(n == 1 for n in counts) / len(counts),
    }
