"""Deployments of logit_kd: clients of different models, their records, the public texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Candidate,
    Classification,
    Coalition,
    Deployment,
    Encoder,
    Item,
    LogitFacts,
    PartRef,
    PartyPlan,
    Public,
    PublicTextFacts,
    Record,
    numpy_generator,
    torch_generator,
)
from scenarios.common.plans import EVERYONE, TRAINING_KNOBS, Axes, Plans, everybodys_records, idle
from scenarios.common.planting import signed
from scenarios.common.pool import draw_splits, fingerprint, of_wanted_classes, read_records
from scenarios.common.population import CURIOUS, Population, draw_shadow, populate
from scenarios.logit_kd.fedhkt import groups_of
from scenarios.logit_kd.queries import Alter, disturb, paraphraser, with_copies
from scenarios.logit_kd.secrets import secrets_of
from scenarios.logit_kd.server import fedhkt_server, fedmd_server
from scenarios.logit_kd.settings import Settings

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build", "small"]

_CLIENTS = "scenarios.logit_kd.client"
_LOCAL = (
    "max_tokens",
    "digest",
    "digest_epochs",
    "digest_lr",
    "temperature",
    "rounds",
    "epochs",
    "revisit",
    "batch_size",
    "lr",
)
_CURIOUS = (
    "method",
    "rounds",
    "inner_rounds",
    "ensemble",
    "threshold",
    "temperature",
    "server_width",
    "digest_epochs",
    "digest_lr",
    "batch_size",
)


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    return assemble(settings, read_records(settings.data, settings.data_options), (*axes, settings.data))


def small(folder: str) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    model = str(toy_model(folder))
    settings = Settings(
        model=model,
        second_model=model,
        data="toy",
        max_tokens=12,
        rounds=2,
        epochs=1,
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
    splits = draw_splits(settings, known, numpy_generator("splits", *axes), known=settings.questions)
    # It refuses a class that no client would have: nobody could label its held-out texts.
    population, chosen = populate(settings, splits.private, labels, numpy_generator("population", *axes))
    parts = (splits.auxiliary, splits.test, splits.public, splits.known)
    auxiliary, test, public, questions = signed(settings, parts, axes)
    encoder = Encoder(PartRef(settings.model, 0, None), settings.max_tokens)
    second = Encoder(PartRef(settings.second_model, 0, None), settings.max_tokens)
    groups = groups_of(settings, population, labels, axes) if settings.method == "fedhkt" else {}
    plans = LogitPlans(settings, axes, encoder, second, labels, test, tuple(r.text for r in public), groups)
    curious = plans.curious(chosen.candidates, questions)
    live = Deployment(
        function=f"{_CLIENTS}:{settings.method}_client",
        curious=fedhkt_server if groups else fedmd_server,
        parties=plans.parties(population),
        public=plans.facts(auxiliary),
        secrets=secrets_of(population, chosen, groups),
        tasks=(Classification({item.id: label for item, label in plans.items()}),),
        model_id=" ".join(f"{name}:{model_hash(name)}" for name in settings.encoders),
        data_id=f"{settings.data}:{fingerprint(population)}",
        settings=curious,
        encoder=encoder,
        coalitions=plans.coalitions(),
        routes={client: edge for edge, clients in groups.items() for client in clients},
        candidates=chosen.candidates,
        asked=tuple(t for of in ("candidates", "questions") for texts in curious[of].values() for t in texts),
        truth=population.truth,
        knobs=TRAINING_KNOBS,
        knockout="rows",
        entitlement=plans.entitlement(),
    )
    nothing: dict[str, Any] = {"routes": {}, "candidates": (), "asked": (), "secrets": {}}
    alone = replace(live, function=f"{_CLIENTS}:fedmd_client", curious=idle, **nothing)
    return replace(
        live,
        redraw=partial(_redraw, live, plans, splits.auxiliary, chosen.candidates),
        variants={
            "local_only": lambda: replace(alone, parties=plans.parties(population, alone=True)),
            "centralised": lambda: replace(alone, parties=plans.pooled(population)),
        },
    )


@dataclass(frozen=True)
class LogitPlans(Plans):
    """Everything of a deployment of logit_kd but the private records."""

    settings: Settings
    second: Encoder
    """Encoder of the clients of ``linear-second``."""
    labels: tuple[str, ...]
    test: Sequence[Record]
    public: tuple[str, ...]
    groups: Mapping[str, Sequence[str]]
    """Edge -> its clients; empty in FedMD."""

    def items(self) -> list[tuple[Item, str]]:
        """Held-out texts in order of the clients they are dealt to, with their labels."""
        clients = self.settings.clients
        return [(Item(f"client{i % clients}.t{i}", r.text), str(r.label)) for i, r in enumerate(self.test)]

    def model_of(self, client: str) -> str:
        """The client's model, or its edge's."""
        models = self.settings.models
        edge = next((n for n, (_, members) in enumerate(sorted(self.groups.items())) if client in members), None)
        return models[(int(client.removeprefix("client")) if edge is None else edge) % len(models)]

    def parties(self, population: Population, alone: bool = False) -> dict[str, PartyPlan]:
        """One plan per client."""
        dealt = [item for item, _ in self.items()]
        return {
            client: self.plan(client, dealt[k :: len(self.clients)], population.records[client], alone)
            for k, client in enumerate(self.clients)
        }

    def pooled(self, population: Population) -> dict[str, PartyPlan]:
        """One party with everybody's records and the first client's model, which labels all held-out texts."""
        items = [item for item, _ in self.items()]
        return {EVERYONE: self.plan(self.clients[0], items, everybodys_records(population), alone=True)}

    def plan(self, client: str, items: Sequence[Item], records: Sequence[Item], alone: bool) -> PartyPlan:
        """Items, records, model and settings of one party."""
        model = self.model_of(client)
        local = {name: getattr(self.settings, name) for name in _LOCAL}
        local |= {"labels": list(self.labels), "model": model, "trainings": self.settings.trainings, "alone": alone}
        encoder = self.second if model == "linear-second" else self.encoder
        return self.party(items, records, local, self.public, encoder=encoder)

    def curious(self, candidates: Sequence[Candidate], questions: Sequence[Record]) -> dict[str, Any]:
        """``net.settings``: an active server asks about the candidates, an honest one as many fresh public questions,
        with as many altered copies.
        """
        fresh = [Candidate(f"q{n}", r.text, r.label, "") for n, r in enumerate(questions)]
        return {
            **{name: getattr(self.settings, name) for name in _CURIOUS},
            "labels": list(self.labels),
            "public_texts": list(self.public),
            "groups": {edge: list(members) for edge, members in self.groups.items()},
            "models": {client: self.model_of(client) for client in self.clients},
            "candidates": self.queries_about(candidates),
            "questions": self.queries_about(fresh, "questions"),
        }

    def queries_about(self, candidates: Sequence[Candidate], what: str = "copies") -> dict[str, list[str]]:
        """Id -> texts by which a server asks about a candidate or a public question; ``what`` seeds the copies."""
        settings = self.settings
        ways: list[Alter] = [disturb]
        if settings.copies and settings.altered_by != "drop":
            rewrite = paraphraser(settings.model, [c.text for c in candidates])
            ways = [rewrite] if settings.altered_by == "paraphrase" else [rewrite, disturb]
        return with_copies(candidates, settings.copies, ways, torch_generator(what, *self.axes))

    def facts(self, auxiliary: tuple[Record, ...]) -> Public:
        """Everything that everybody knows."""
        settings = self.settings
        population = self.population_facts(self.labels)
        shared = LogitFacts(
            method=settings.method,
            rounds=settings.rounds,
            models=settings.models,
            digest=settings.digest,
            temperature=settings.temperature,
            ensemble=settings.ensemble if self.groups else "",
            edges={edge: tuple(members) for edge, members in self.groups.items()},
        )
        victims = tuple(client for client in self.clients if client != CURIOUS)
        known = (replace(population, parties=victims), self.encoder_facts(), PublicTextFacts(self.public), shared)
        return Public(auxiliary=auxiliary, facts=known)

    def coalitions(self) -> dict[str, Coalition]:
        """The server, the curious client, and each edge."""
        return super().coalitions() | {edge: Coalition(edge, frozenset({edge})) for edge in self.groups}

    def entitlement(self) -> dict[str, Any]:
        """Everything that the adversary is given; stored with every run."""
        return super().entitlement() | {
            "weights": "start known, training hidden",
            "rounds": self.settings.rounds,
            "queries": "passive, unless an attack's behaviour is chosen",
            "canaries": self.settings.canaries,
            "average_candidates": self.settings.average,
            "public_texts": self.settings.public,
            "fresh_questions": self.settings.questions * (1 + self.settings.copies),
            "inputs": "the live run's, in shadow runs, too",
        }


def _redraw(
    live: Deployment,
    plans: LogitPlans,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    rng: numpy.random.Generator,
    members: Mapping[str, bool],
) -> Deployment:
    """A shadow deployment: nothing of the live run's private data but the candidates enters it."""
    population = draw_shadow(plans.settings, auxiliary, candidates, members, plans.labels, rng)
    return replace(live, parties=plans.parties(population), truth=population.truth, secrets={}, variants={})
