"""Deployments of gradient_sharing: clients, their records in order, the public model, the attacked rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Candidate,
    Classification,
    Deployment,
    Encoder,
    GradientFacts,
    Item,
    LearnerSpec,
    PartRef,
    PartyPlan,
    Public,
    Record,
    SuiteError,
    Tokens,
    UtilityTask,
    derive,
    load_part,
    load_tokens,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.common.plans import EVERYONE, TRAINING_KNOBS, Axes, Plans, everybodys_records, idle
from scenarios.common.planting import signed
from scenarios.common.pool import draw_splits, fingerprint, of_wanted_classes, read_records
from scenarios.common.population import CURIOUS, Population, draw_shadow, populate
from scenarios.gradient_sharing import malicious
from scenarios.gradient_sharing.model import ending, token_ids
from scenarios.gradient_sharing.next_tokens import NextTokens
from scenarios.gradient_sharing.secrets import attacked_batches, secrets_of
from scenarios.gradient_sharing.server import server
from scenarios.gradient_sharing.settings import Settings

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build", "small"]

MIN_TOKENS = 4
"""Tokens that a text must have to enter the data."""
_SHARED = (
    "method",
    "rounds",
    "batch_size",
    "batches",
    "epochs",
    "lr",
    "optimiser",
    "proximal",
    "precision",
    "max_tokens",
    "embeddings",
    "server_optimiser",
    "server_lr",
    "aggregation",
)


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    tokens = load_tokens(tokenizer_folder(settings.model))
    records = read_records(settings.data, settings.data_options)
    pool = [record for record in records if len(tokens.encode(record.text)) >= MIN_TOKENS]
    return assemble(settings, pool, (*axes, settings.data))


def small(folder: str) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        max_tokens=12,
        rounds=2,
        batch_size=2,
        clients=3,
        alpha=1.0,
        least=2,
        records=18,
        canaries=4,
        average=4,
        auxiliary=12,
        public=4,
        test=6,
    )
    return assemble(settings, list(toy_records()), ("toy",))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    known = of_wanted_classes(pool, settings.data, settings.classes, settings.named)
    labels = tuple(sorted({str(record.label) for record in known}))
    splits = draw_splits(settings, known, numpy_generator("splits", *axes))
    population, chosen = populate(settings, splits.private, labels, numpy_generator("population", *axes))
    population = _shuffled(population, numpy_generator("order", *axes))
    auxiliary, test = signed(settings, (splits.auxiliary, splits.test), axes)
    tokens = load_tokens(tokenizer_folder(settings.model))
    plans = GradientPlans(
        settings, axes, _encoder(settings), labels, test, tuple(r.text for r in splits.public), tokens
    )
    rounds = _attacked(settings, numpy_generator("attacked", *axes))
    batches = attacked_batches(settings, population, rounds)
    spans = {record.text: record for record in splits.private}
    live = Deployment(
        function="scenarios.gradient_sharing.client:client",
        curious=malicious.server if plans.malicious else server,
        encoder=plans.encoder,
        imports=("peft",),
        parties=plans.parties(population),
        public=plans.facts(auxiliary, rounds),
        secrets=secrets_of(settings, population, chosen, spans, batches, auxiliary, labels, tokens),
        tasks=(plans.task(auxiliary),),
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{fingerprint(population)}",
        curious_parts={"model": plans.part},
        settings={**plans.shared, **plans.trap(auxiliary, rounds)},
        malicious=plans.malicious,
        coalitions=plans.coalitions(),
        candidates=chosen.candidates,
        truth=population.truth,
        knobs=plans.knobs,
        knockout="rows",
        entitlement=plans.entitlement(),
    )
    alone = replace(live, curious=idle, candidates=(), secrets={})
    return replace(
        live,
        redraw=partial(_redraw, live, plans, splits.auxiliary, chosen.candidates),
        variants={
            "local_only": lambda: replace(alone, parties=plans.parties(population, alone=True)),
            "centralised": lambda: replace(alone, parties=plans.pooled(population)),
        },
    )


def _attacked(settings: Settings, rng: numpy.random.Generator) -> list[int]:
    """Rounds whose texts are secrets."""
    first = settings.first_attacked
    return sorted((first + rng.permutation(settings.rounds - first)[: settings.attacked]).tolist())


def _encoder(settings: Settings) -> Encoder:
    return Encoder(PartRef(settings.model, 0, settings.blocks), settings.max_tokens)


def _shuffled(population: Population, rng: numpy.random.Generator) -> Population:
    """The same records in random order: the order in which they enter batches."""
    drawn = {
        p: tuple(items[i] for i in rng.permutation(len(items)).tolist()) for p, items in population.records.items()
    }
    return replace(population, records=drawn)


@dataclass(frozen=True)
class GradientPlans(Plans):
    """Everything of a deployment of gradient_sharing but the private records."""

    settings: Settings
    labels: tuple[str, ...]
    test: Sequence[Record]
    public: tuple[str, ...]
    tokens: Tokens

    @property
    def causal(self) -> bool:
        """True where the model predicts next tokens."""
        return load_part(self.settings.model, 0, 0).causal

    @property
    def malicious(self) -> bool:
        """True where the server breaks the protocol in runs of that behaviour."""
        return self.settings.server == "malicious"

    def trap(self, auxiliary: Sequence[Record], rounds: Sequence[int]) -> dict[str, Any]:
        """Settings of a malicious server besides: attacked rounds, and ids of texts like the private ones."""
        if not self.malicious:
            return {}
        if self.causal:
            raise SuiteError(f"server: a malicious one alters encoders; {self.settings.model!r} is a causal model")
        known = [token_ids(record.text, self.tokens, self.shared) for record in auxiliary]
        return {"attacked": list(rounds), "known_ids": known}

    @property
    def part(self) -> PartRef:
        """The part of the model that everybody has."""
        language = self.settings.task == "language_modelling"
        if language and not self.causal:
            raise SuiteError(f"model {self.settings.model!r} is an encoder; language modelling needs a causal model")
        return PartRef(self.settings.model, 0, self.settings.blocks, head=language)

    @property
    def learner(self) -> LearnerSpec:
        """The task, and what is trained."""
        settings = self.settings
        return LearnerSpec(
            task=settings.task,
            classes=len(self.labels),
            trained=settings.groups,
            layers=settings.layers,
            rank=settings.rank,
            targets=settings.targets,
            dropout=settings.dropout,
            seed=derive("start", *self.axes) % 2**31,
        )

    @property
    def shared(self) -> dict[str, Any]:
        """Settings that everybody knows."""
        named = {name: getattr(self.settings, name) for name in _SHARED}
        # Where a round's window starts is the protocol's, whatever batch size a defense chooses.
        return {
            **named,
            "learner": self.learner.fields(),
            "labels": list(self.labels),
            "stride": self.settings.window,
            "trainings": self.settings.rounds,
        }

    @property
    def knobs(self) -> dict[str, Any]:
        """Settings that a defense may change: less training, larger batches, frozen embeddings."""
        frozen = {"embeddings": ("frozen",)} if self.settings.embeddings == "trained" else {}
        return {**TRAINING_KNOBS, **frozen}

    def items(self) -> list[tuple[Item, str]]:
        """Held-out texts in order of the clients they are dealt to, with their labels."""
        clients = self.settings.clients
        return [(Item(f"client{i % clients}.t{i}", r.text), str(r.label)) for i, r in enumerate(self.test)]

    def parties(self, population: Population, alone: bool = False) -> dict[str, PartyPlan]:
        """One plan per client."""
        dealt = [item for item, _ in self.items()]
        return {
            client: self.plan(dealt[k :: len(self.clients)], population.records[client], alone)
            for k, client in enumerate(self.clients)
        }

    def pooled(self, population: Population) -> dict[str, PartyPlan]:
        """One party with everybody's records, which answers for all held-out texts; its batches hold as many records as
        those of all clients together.
        """
        plan = self.plan([item for item, _ in self.items()], everybodys_records(population), alone=True)
        together = self.settings.batch_size * self.settings.clients
        return {EVERYONE: replace(plan, settings={**plan.settings, "batch_size": together})}

    def plan(self, items: Sequence[Item], records: Sequence[Item], alone: bool) -> PartyPlan:
        """Items, records and settings of one party."""
        steps = self.settings.alone or self.settings.rounds
        local = {**self.shared, "alone": alone, **({"rounds": steps} if alone else {})}
        plan = self.party(items, records, local, self.public, parts={"model": self.part})
        return replace(plan, encoder=None)

    def task(self, auxiliary: Sequence[Record]) -> UtilityTask:
        """Accuracy on held-out texts: of their labels, or of their next tokens."""
        items = self.items()
        if self.settings.task == "classification":
            return Classification({item.id: label for item, label in items})
        known = [token_ids(record.text, self.tokens, self.shared) for record in auxiliary]
        return NextTokens({item.id: token_ids(item.text, self.tokens, self.shared) for item, _ in items}, known)

    def facts(self, auxiliary: tuple[Record, ...], rounds: Sequence[int]) -> Public:
        """Everything that everybody knows."""
        settings = self.settings
        shared = GradientFacts(
            model=settings.model,
            max_tokens=settings.max_tokens,
            prefix=tuple(self.tokens.prefix),
            suffix=ending(self.tokens, settings.task),
            special_ids=self.tokens.special_ids,
            blocks=settings.blocks,
            learner=self.learner.fields(),
            method=settings.method,
            rounds=settings.rounds,
            attacked=tuple(rounds),
            batch_size=settings.batch_size,
            batches=settings.batches,
            epochs=settings.epochs,
            lr=settings.lr,
            optimiser=settings.optimiser,
            precision=settings.precision,
            summed=settings.aggregation == "sum",
        )
        population = self.population_facts(self.labels)
        victims = tuple(client for client in self.clients if client != CURIOUS)
        return Public(auxiliary=auxiliary, facts=(replace(population, parties=victims), shared))

    def entitlement(self) -> dict[str, Any]:
        """Everything that the adversary is given; stored with every run."""
        settings = self.settings
        return super().entitlement() | {
            "weights": "known in every round",
            "rounds": settings.rounds,
            "attacked_rounds": settings.attacked,
            "batch_size": "known",
            "text_lengths": "unknown",
            "batch_labels": "unknown",
            "canaries": settings.canaries,
            "average_candidates": settings.average,
            **({"server": "malicious: it alters the model before attacked rounds"} if self.malicious else {}),
        }


def _redraw(
    live: Deployment,
    plans: GradientPlans,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    rng: numpy.random.Generator,
    members: Mapping[str, bool],
) -> Deployment:
    """A shadow deployment: nothing of the live run's private data but the candidates enters it."""
    population = draw_shadow(plans.settings, auxiliary, candidates, members, plans.labels, rng)
    population = _shuffled(population, rng)
    return replace(live, parties=plans.parties(population), truth=population.truth, secrets={}, variants={})
