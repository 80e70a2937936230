"""Deployments of prototype_sharing: data drawn and divided, secrets, references, shadow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Candidate,
    Classification,
    DataError,
    Deployment,
    Encoder,
    Item,
    PartRef,
    PartyPlan,
    PrototypeFacts,
    Public,
    Record,
    Splits,
    content_id,
    load_tokens,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.common.plans import EVERYONE, TRAINING_KNOBS, Axes, Plans, everybodys_records
from scenarios.common.planting import signed
from scenarios.common.pool import draw_splits, fingerprint, of_wanted_classes, read_records
from scenarios.common.population import CURIOUS, Population, draw_shadow, populate
from scenarios.prototype_sharing.heldout import SPARE, held_out
from scenarios.prototype_sharing.secrets import secrets_of
from scenarios.prototype_sharing.server import server
from scenarios.prototype_sharing.settings import Settings

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build", "check_held", "small"]

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

Tests = Mapping[str, Sequence[tuple[Item, str]]]
"""Party -> its held-out texts with their labels."""


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    return assemble(settings, read_records(settings.data, settings.data_options), (*axes, settings.data))


def small(folder: str) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        max_tokens=12,
        rank=2,
        rounds=2,
        clients=3,
        alpha=1.0,
        least=2,
        records=18,
        canaries=4,
        average=4,
        auxiliary=20,
        public=4,
        test=6,
        test_of="all",
    )
    return assemble(settings, list(toy_records()), ("toy",))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    pool = of_wanted_classes(pool, settings.data, settings.classes, settings.named)
    spare = SPARE if settings.test_of == "own" else 1
    splits = draw_splits(settings, pool, numpy_generator("splits", *axes), test=settings.test * spare)
    labels = tuple(sorted({str(record.label) for record in pool}))
    encoder = Encoder(PartRef(settings.model, 0, settings.blocks), settings.max_tokens)
    population, chosen = populate(settings, splits.private, labels, numpy_generator("population", *axes))
    check_held(population, labels)
    auxiliary, test = signed(settings, (splits.auxiliary, splits.test), axes)
    own, rng = settings.test_of == "own", numpy_generator("held out", *axes)
    tests = _tests(held_out(test, population.counts, settings.test, own, rng))
    public = tuple(record.text for record in splits.public)
    plans = PrototypePlans(settings, axes, encoder, labels, _width(settings, encoder, splits), public)
    tokens = load_tokens(tokenizer_folder(settings.model))
    live = Deployment(
        function="scenarios.prototype_sharing.client:client",
        curious=server,
        parties=plans.parties(population, tests),
        public=plans.facts(auxiliary),
        secrets=secrets_of(population, chosen, auxiliary, tokens, settings.max_tokens),
        tasks=(Classification({i.id: label for items in tests.values() for i, label in items}),),
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{fingerprint(population)}",
        settings={**{name: getattr(settings, name) for name in _PUBLIC}, "labels": list(labels), "width": plans.width},
        encoder=encoder,
        coalitions=plans.coalitions(),
        candidates=chosen.candidates,
        truth=population.truth,
        # Without an adapter, features are the public encoder's: a party then learns none of its own.
        knobs={**TRAINING_KNOBS, **({"features": ("frozen",)} if settings.features == "adapter" else {})},
        knockout="rows",
        entitlement=plans.entitlement() | {"prototypes_of_one_record": _share_of_single(population)},
    )
    bare = replace(live, candidates=(), secrets={})
    return replace(
        live,
        redraw=partial(_redraw, live, plans, splits.auxiliary, chosen.candidates),
        variants={
            "local_only": lambda: replace(bare, parties=plans.parties(population, tests, alone=True)),
            "centralised": lambda: replace(bare, parties=plans.pooled(population, tests)),
        },
    )


@dataclass(frozen=True)
class PrototypePlans(Plans):
    """Everything of a deployment of prototype_sharing but the private records."""

    settings: Settings
    labels: tuple[str, ...]
    width: int
    """Dimensions of the features."""
    public: tuple[str, ...]

    def parties(self, population: Population, tests: Tests, alone: bool = False) -> dict[str, PartyPlan]:
        """One plan per client."""
        return {
            party: self.plan([item for item, _ in tests[party]], records, alone)
            for party, records in population.records.items()
        }

    def pooled(self, population: Population, tests: Tests) -> dict[str, PartyPlan]:
        """One party with everybody's records, which predicts all held-out texts."""
        items = [item for dealt in tests.values() for item, _ in dealt]
        return {EVERYONE: self.plan(items, everybodys_records(population), alone=True)}

    def plan(self, items: Sequence[Item], records: Sequence[Item], alone: bool) -> PartyPlan:
        """Items, records and settings of one party."""
        local = {name: getattr(self.settings, name) for name in _LOCAL}
        local |= {"epochs": self.settings.alone_epochs / self.settings.rounds} if alone else {}
        counts = self.settings.method == "fedproto" and self.settings.weighting == "weighted"
        local |= {"labels": list(self.labels), "width": self.width, "send_counts": counts, "alone": alone}
        return self.party(items, records, local, self.public)

    def facts(self, auxiliary: tuple[Record, ...]) -> Public:
        """Everything that everybody knows."""
        settings = self.settings
        shared = PrototypeFacts(
            method=settings.method,
            rounds=settings.rounds,
            features=settings.features,
            width=self.width,
            weighting=settings.weighting if settings.method == "fedproto" else "",
            pull=settings.pull,
            margin=settings.margin if settings.method == "fedtgp" else "",
        )
        facts = (self.population_facts(self.labels), self.encoder_facts(), shared)
        return Public(auxiliary=auxiliary, facts=facts)

    def entitlement(self) -> dict[str, Any]:
        """Everything that the adversary is given; stored with every run."""
        settings = self.settings
        return super().entitlement() | {
            "weights": "start known, training hidden" if settings.features == "adapter" else settings.features,
            "rounds": settings.rounds,
            "canaries": settings.canaries,
            "average_candidates": settings.average,
        }


def check_held(population: Population, labels: Sequence[str]) -> None:
    """Refuse a class that no client holds: without a prototype, no text can be classified as of it.

    Raises:
        DataError: the labels without a record.
    """
    if missing := [label for label in labels if not any(own[label] for own in population.counts.values())]:
        raise DataError(
            f"no client holds a record of {missing[:10]}, so that held-out texts of such a class cannot be told: give "
            "more records, fewer membership candidates, or set classes to the most frequent ones"
        )


def _tests(held: Mapping[str, Sequence[Record]]) -> Tests:
    return {
        party: [(Item(f"{party}.t{i}", record.text), str(record.label)) for i, record in enumerate(records)]
        for party, records in held.items()
    }


def _width(settings: Settings, encoder: Encoder, splits: Splits) -> int:
    """Dimensions of the features."""
    from harness.scenario import embed

    if settings.features == "projection":
        return settings.width
    return int(embed(encoder, [splits.private[0].text]).shape[1])


def _redraw(
    live: Deployment,
    plans: PrototypePlans,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    rng: numpy.random.Generator,
    members: Mapping[str, bool],
) -> Deployment:
    """A shadow deployment: nothing of the live run's private data but the candidates enters it. It classifies as many
    texts as the live run, auxiliary ones on which nobody trains.

    Raises:
        DataError: too few auxiliary records for both.
    """
    settings = plans.settings
    population = draw_shadow(settings, auxiliary, candidates, members, plans.labels, rng)
    trained = {content_id(r.text) for records in population.records.values() for r in records}
    order = [auxiliary[i] for i in rng.permutation(len(auxiliary)).tolist()]
    left = [record for record in order if content_id(record.text) not in trained]
    if len(left) < settings.test:
        raise DataError(
            f"auxiliary: {len(auxiliary)} records leave {len(left)} beside those that a shadow run trains on, and it "
            f"classifies {settings.test}: raise auxiliary by {settings.test - len(left)}"
        )
    own = settings.test_of == "own"
    tests = _tests(held_out(left, population.counts, settings.test, own, rng, strict=False))
    parties = plans.parties(population, tests)
    return replace(live, parties=parties, truth=population.truth, secrets={}, variants={})


def _share_of_single(population: Population) -> float:
    """Share of the victims' prototypes that are of a single record."""
    counts = [n for party, own in population.counts.items() if party != CURIOUS for n in own.values() if n]
    return sum(n == 1 for n in counts) / len(counts)
