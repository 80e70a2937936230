"""From a suite entry's settings to a deployment: data drawn and divided, generator made, roles handed out."""

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
    PartRef,
    PartyPlan,
    Public,
    Record,
    content_hash,
    load_tokens,
    make,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.population import CURIOUS, Population, draw_shadow
from scenarios.synthetic_fusion import servers
from scenarios.synthetic_fusion.adapters import SCALE
from scenarios.synthetic_fusion.canaries import Cast, cast, repeated
from scenarios.synthetic_fusion.hosting import hosted
from scenarios.synthetic_fusion.pool import Pool, draw_pool, generator_of
from scenarios.synthetic_fusion.prompts import in_turn, listing
from scenarios.synthetic_fusion.secrets import secrets_of
from scenarios.synthetic_fusion.settings import GENERATING, SCRATCH, VOTING, Settings
from scenarios.synthetic_fusion.topics import topic_counts, topics_of
from scenarios.synthetic_fusion.voting import halving

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build"]

Axes = tuple[str | int, ...]
MODULE = "scenarios.synthetic_fusion.parties"
EVERYONE = "everyone"
"""The one party of the centralised reference."""
_PARTIES = {"aug_pe": "voter", "wasp": "voter", "hosted_fusegen": "tuner"}
_SERVERS = {"aug_pe": servers.aug_pe, "wasp": servers.wasp, "hosted_fusegen": hosted}
PUBLIC_TEXTS = 200
"""Public texts that a defense is handed; a scratch generator has read all of them."""


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    from harness.scenario import load, records

    pool = records(load(settings.data, **settings.data_options))
    return assemble(settings, pool, (*axes, settings.data))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    drawn = draw_pool(settings, pool, axes)
    topics = topics_of(drawn.auxiliary, settings.topics, _encoder(settings), axes)
    common = _Common(settings, drawn, generator_of(settings, drawn.public, axes), axes, topics)
    live = cast(settings, drawn.private, drawn.public, numpy_generator("population", *axes))
    tokens = load_tokens(tokenizer_folder(common.model))
    about = topic_counts(live.population.records, topics, _encoder(settings)) if topics else {}
    made = replace(
        common.deployment(live.population, live.chosen.candidates, live),
        secrets=secrets_of(live, drawn.auxiliary, tokens, settings.max_tokens, about),
        redraw=partial(common.redrawn, live.chosen.candidates, live),
    )
    variants = {
        "local_only": partial(common.alone, made, common.shares()),
        "centralised": partial(common.centralised, made),
    }
    return replace(made, variants=variants)


@dataclass(frozen=True)
class _Common:
    """What the live run, its references and shadow runs share: everything but the private records."""

    settings: Settings
    pool: Pool
    model: str
    axes: Axes
    topics: tuple[str, ...] = ()
    """Public: the texts that topics are called by."""

    @property
    def names(self) -> list[str]:
        return [f"client{k}" for k in range(self.settings.clients)]

    @property
    def test(self) -> dict[str, Record]:
        return {f"t{i}": record for i, record in enumerate(self.pool.test)}

    def deployment(self, population: Population, candidates: tuple[Candidate, ...], live: Cast) -> Deployment:
        """The system on these records, without secrets."""
        from harness.scenario import model_hash

        s = self.settings
        generator = PartRef(self.model, 0, None, head=True)
        encoder = _encoder(s)
        canaries = frozenset(c.text for c in candidates if c.canary)
        held = {n: repeated(records, canaries, s.repeats) for n, records in population.records.items()}
        plans = {n: self._plan(k, held[n], generator, encoder) for k, n in enumerate(self.names)}
        private = [make(item.text, label=item.label) for plan in plans.values() for item in plan.records]
        return Deployment(
            function=f"{MODULE}:{_PARTIES.get(s.method, 'generator_party')}",
            curious=_SERVERS.get(s.method, servers.fusegen),
            parties=plans,
            curious_parts={} if s.method in GENERATING else {"generator": generator},
            public=self._public(live.openings),
            secrets={},
            tasks=(Classification({name: str(r.label) for name, r in self.test.items()}),),
            model_id=f"{SCRATCH if s.generator == SCRATCH else self.model}:{model_hash(self.model)}",
            data_id=f"{s.data}:{content_hash(private)}",
            settings=self._shared()
            | {
                "test": {name: r.text for name, r in self.test.items()},
                "probes": [(c.text, str(c.label)) for c in candidates],
            },
            encoder=encoder,
            coalitions={
                "server": Coalition("server", sees_server=True),
                "client": Coalition("client", frozenset({CURIOUS})),
                servers.READER: Coalition(servers.READER, frozenset({servers.READER})),
            },
            candidates=candidates,
            truth=population.truth,
            knockout="rows",
            entitlement=self._entitlement(),
        )

    def redrawn(
        self, candidates: tuple[Candidate, ...], live: Cast, rng: numpy.random.Generator, members: Mapping[str, bool]
    ) -> Deployment:
        """The same system on records that the attacker draws from its own."""
        labels = sorted(self.settings.prefixes)
        population = draw_shadow(self.settings, self.pool.auxiliary, candidates, members, labels, rng)
        return self.deployment(population, candidates, live)

    def shares(self) -> dict[str, tuple[Item, ...]]:
        """The test texts, dealt to the parties in turn."""
        items = self._items()
        return {name: items[k :: len(self.names)] for k, name in enumerate(self.names)}

    def alone(self, made: Deployment, items: Mapping[str, tuple[Item, ...]]) -> Deployment:
        """Task models of each party's own real records, answering its share of the tests."""
        parties = {name: replace(plan, items=items[name], parts={}) for name, plan in made.parties.items()}
        return replace(made, function=f"{MODULE}:alone", curious=servers.idle, parties=parties, curious_parts={})

    def centralised(self, made: Deployment) -> Deployment:
        """One task model of everybody's real records."""
        everything = tuple(record for plan in made.parties.values() for record in plan.records)
        one = {EVERYONE: replace(made.parties[CURIOUS], records=everything)}
        return self.alone(replace(made, parties=one), {EVERYONE: self._items()})

    def _items(self) -> tuple[Item, ...]:
        return tuple(Item(name, record.text) for name, record in self.test.items())

    def _shared(self) -> dict[str, Any]:
        """Public settings of all parties."""
        return {**self.settings.model_dump(exclude={"data_options", "scratch", "topics"}), "model": self.model}

    def _plan(self, number: int, records: tuple[Item, ...], generator: PartRef, encoder: Encoder) -> PartyPlan:
        s = self.settings
        own = {
            "instruction": in_turn(s.instructions, number),
            "temperature": in_turn(s.temperatures, number),
        }
        return PartyPlan(
            items=(),
            parts={} if s.method in VOTING else {"generator": generator},
            settings=self._shared() | own,
            public_texts=tuple(record.text for record in self.pool.public[:PUBLIC_TEXTS]),
            seed=("defense", *self.axes),
            records=records,
            encoder=encoder,
        )

    def _public(self, openings: Mapping[str, tuple[str, str]]) -> Public:
        s = self.settings
        facts = {
            **self._shared(),
            "labels": sorted(s.prefixes),
            "adapter_scale": SCALE,
            "prompts": {name: self._prompts(k) for k, name in enumerate(self.names)},
            "parties": self.names,
            "votes": {"weights": halving(s.ranks), "by_class": True},
            "public_texts": [record.text for record in self.pool.public],
            "topics": self.topics,
            "openings": {name: beginning for name, (beginning, _) in openings.items()},
        }
        return Public(model=self.model, max_tokens=s.max_tokens, auxiliary=self.pool.auxiliary, facts=facts)

    def _prompts(self, number: int) -> dict[str, str]:
        """Label -> how a party's generator is asked for a text of that label, and was when it learned."""
        instruction = in_turn(self.settings.instructions, number)
        return {label: listing(instruction, self.settings.prefixes, (), label) for label in self.settings.prefixes}

    def _entitlement(self) -> dict[str, Any]:
        s = self.settings
        return {
            "auxiliary": s.auxiliary,
            "auxiliary_domain": "in",
            "generator": "from scratch on public texts" if s.generator == SCRATCH else "pretrained, public",
            "votes_seen": s.aggregation if s.method in VOTING else "none",
            "queries": "passive",
            "rounds": "all",
            "canary_repeats": s.repeats,
        }


def _encoder(settings: Settings) -> Encoder:
    """The public encoder of votes, topics and the task model."""
    return Encoder(PartRef(settings.encoder, 0, settings.encoder_blocks or None))
