"""From a suite entry's settings to a deployment: clients of different models, their records, the public texts."""

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
    torch_generator,
)
from scenarios.logit_kd import hkt, protocol
from scenarios.logit_kd.queries import Alter, disturb, paraphraser, with_copies
from scenarios.logit_kd.secrets import secrets_of
from scenarios.logit_kd.settings import Settings
from scenarios.population import CURIOUS, Population, draw_shadow, populate

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build"]

POOLED = "everyone"
"""The one party of the centralised reference."""

_LOCAL = ("max_tokens", "digest", "digest_epochs", "digest_lr", "temperature", "rounds", "epochs", "batch_size", "lr")
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
_FACTS = ("data", "method", "clients", "partition", "alpha", "models", "digest", "ensemble", "edges", *_LOCAL)

Axes = tuple[str | int, ...]


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    from harness.scenario import load, records

    pool = records(load(settings.data, **settings.data_options))
    return assemble(settings, pool, (*axes, settings.data))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    known = _labelled(settings, pool)
    labels = tuple(sorted({str(record.label) for record in known}))
    splits = _splits(settings, known, numpy_generator("splits", *axes))
    # It refuses a class that no client would have: nobody could label its held-out texts.
    population, chosen = populate(settings, splits.private, labels, numpy_generator("population", *axes))
    shown, test, public = _shown(settings, splits, axes)
    encoder = Encoder(PartRef(settings.model, 0, None), settings.max_tokens)
    second = Encoder(PartRef(settings.second_model, 0, None), settings.max_tokens)
    groups = hkt.groups(settings, population, labels, axes) if settings.method == "fedhkt" else {}
    common = _Common(settings, axes, encoder, second, labels, test, tuple(r.text for r in public), groups)
    curious = common.curious(chosen.candidates)
    made = Deployment(
        function=f"scenarios.logit_kd.{'hkt' if groups else 'protocol'}:client",
        curious=hkt.server if groups else protocol.server,
        parties=common.parties(population),
        public=common.facts(shown),
        secrets=secrets_of(population, chosen, groups),
        tasks=(Classification({item.id: label for item, label in common.items()}),),
        model_id=" ".join(f"{name}:{model_hash(name)}" for name in settings.encoders),
        data_id=f"{settings.data}:{_fingerprint(population)}",
        settings=curious,
        encoder=encoder,
        coalitions=common.coalitions(),
        routes={client: edge for edge, clients in groups.items() for client in clients},
        candidates=chosen.candidates,
        asked=tuple(text for texts in curious["candidates"].values() for text in texts),
        truth=population.truth,
        knockout="rows",
        entitlement=_entitlement(settings),
    )
    nothing: dict[str, Any] = {"routes": {}, "candidates": (), "asked": (), "secrets": {}}
    alone = replace(made, function="scenarios.logit_kd.protocol:client", curious=protocol.idle, **nothing)
    return replace(
        made,
        redraw=partial(_redraw, made, common, splits.auxiliary, chosen.candidates),
        variants={
            "local_only": lambda: replace(alone, parties=common.parties(population, alone=True)),
            "centralised": lambda: replace(alone, parties=common.pooled(population)),
        },
    )


@dataclass(frozen=True)
class _Common:
    """What the live run, its references and shadow runs share."""

    settings: Settings
    axes: Axes
    encoder: Encoder
    second: Encoder
    labels: tuple[str, ...]
    test: Sequence[Record]
    public: tuple[str, ...]
    groups: Mapping[str, Sequence[str]]

    @property
    def clients(self) -> list[str]:
        """Names of the clients."""
        return [f"client{k}" for k in range(self.settings.clients)]

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
        records = [item for items in population.records.values() for item in items]
        plan = self.plan(self.clients[0], [item for item, _ in self.items()], records, alone=True)
        return {POOLED: plan}

    def plan(self, client: str, items: Sequence[Item], records: Sequence[Item], alone: bool) -> PartyPlan:
        """What one party gets."""
        local = {name: getattr(self.settings, name) for name in _LOCAL}
        model = self.model_of(client)
        shared = {"labels": list(self.labels), "model": model, "trainings": self.settings.trainings, "alone": alone}
        return PartyPlan(
            items=tuple(items),
            parts={},
            settings={**local, **shared},
            public_texts=self.public,
            seed=("defense", *self.axes),
            records=tuple(records),
            encoder=self.second if model == "linear-second" else self.encoder,
        )

    def curious(self, candidates: Sequence[Candidate]) -> dict[str, Any]:
        """``net.settings``: candidates are asked about by an active server alone."""
        return {
            **{name: getattr(self.settings, name) for name in _CURIOUS},
            "labels": list(self.labels),
            "public_texts": list(self.public),
            "groups": {edge: list(members) for edge, members in self.groups.items()},
            "models": {client: self.model_of(client) for client in self.clients},
            "candidates": self.asked(candidates),
        }

    def asked(self, candidates: Sequence[Candidate]) -> dict[str, list[str]]:
        """Candidate id -> what an active server asks about it."""
        settings = self.settings
        ways: list[Alter] = [disturb]
        if settings.copies and settings.altered_by != "drop":
            rewrite = paraphraser(settings.model, [c.text for c in candidates])
            ways = [rewrite] if settings.altered_by == "paraphrase" else [rewrite, disturb]
        return with_copies(candidates, settings.copies, ways, torch_generator("copies", *self.axes))

    def facts(self, auxiliary: tuple[Record, ...]) -> Public:
        """What everybody knows."""
        settings = self.settings
        return Public(
            model=settings.model,
            max_tokens=settings.max_tokens,
            auxiliary=auxiliary,
            special_ids=load_tokens(tokenizer_folder(settings.model)).special_ids,
            pooled=True,
            facts={
                **{name: getattr(settings, name) for name in _FACTS},
                "labels": self.labels,
                "encoder": self.encoder,
                "parties": tuple(client for client in self.clients if client != CURIOUS),
                "edges": {edge: tuple(members) for edge, members in self.groups.items()},
                "public_texts": self.public,
                "curious": CURIOUS,
            },
        )

    def coalitions(self) -> dict[str, Coalition]:
        """The server, the curious client, and each edge."""
        edges = {edge: Coalition(edge, frozenset({edge})) for edge in self.groups}
        seen = {"server": Coalition("server", sees_server=True), "client": Coalition("client", frozenset({CURIOUS}))}
        return {**seen, **edges}


def _labelled(settings: Settings, pool: Sequence[Record]) -> list[Record]:
    """Records of the wanted classes; :class:`SuiteError` where there are fewer than two."""
    sizes = Counter(record.label for record in pool if record.label is not None)
    order = sorted(sizes, key=lambda label: (-sizes[label], str(label)))
    kept = set(order[: settings.classes or None])
    if len(kept) < max(2, settings.classes):
        raise SuiteError(
            f"data {settings.data!r} has {len(sizes)} classes; {max(2, settings.classes)} are needed: set "
            'data_options, for example { label_column = "group" }'
        )
    return [record for record in pool if record.label in kept]


def _splits(settings: Settings, pool: Sequence[Record], rng: numpy.random.Generator) -> Splits:
    sizes = {
        "private": settings.records,
        "auxiliary": settings.auxiliary,
        "public": settings.public,
        "test": settings.test,
    }
    return draw(pool, sizes, rng, balance=False, disjoint_groups=settings.partition == "group")


def _shown(settings: Settings, splits: Splits, axes: Axes) -> tuple[tuple[Record, ...], ...]:
    """Auxiliary, test and public records as they are used: signed half and half where a property is planted."""
    shown = splits.auxiliary, splits.test, splits.public
    if not settings.planted:
        return shown
    rng = numpy_generator("plant", *axes)
    return tuple(plant_attribute(records, rng) for records in shown)


def _redraw(
    made: Deployment,
    common: _Common,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    rng: numpy.random.Generator,
    members: Mapping[str, bool],
) -> Deployment:
    """A shadow deployment: nothing of the live run's private data but the candidates enters it."""
    population = draw_shadow(common.settings, auxiliary, candidates, members, common.labels, rng)
    return replace(made, parties=common.parties(population), truth=population.truth, secrets={}, variants={})


def _fingerprint(population: Population) -> str:
    everything = [make(i.text, label=i.label, group=p) for p, items in population.records.items() for i in items]
    return content_hash(everything)


def _entitlement(settings: Settings) -> dict[str, Any]:
    return {
        "weights": "start known, training hidden",
        "auxiliary": settings.auxiliary,
        "auxiliary_domain": "in",
        "rounds": settings.rounds,
        "queries": "passive, unless an attack's behaviour is chosen",
        "canaries": settings.canaries,
        "average_candidates": settings.average,
        "public_texts": settings.public,
    }
