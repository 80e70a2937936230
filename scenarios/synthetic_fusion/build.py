"""Deployments of synthetic_fusion: data drawn and divided, generator made, roles handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from harness.scenario import (
    Candidate,
    Classification,
    Coalition,
    Deployment,
    Encoder,
    GeneratorFacts,
    Item,
    PartRef,
    PartyPlan,
    Public,
    PublicTextFacts,
    Record,
    VoteFacts,
    content_hash,
    load_tokens,
    make,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.common.plans import EVERYONE, Axes, Plans, idle
from scenarios.common.pool import read_records
from scenarios.common.population import CURIOUS, Population, draw_shadow
from scenarios.synthetic_fusion.adapters import SCALE
from scenarios.synthetic_fusion.canaries import Cast, cast, repeated
from scenarios.synthetic_fusion.client import CLIENTS
from scenarios.synthetic_fusion.pool import Pool, draw_pool
from scenarios.synthetic_fusion.prompts import in_turn, listing
from scenarios.synthetic_fusion.scratch import generator_of
from scenarios.synthetic_fusion.secrets import secrets_of
from scenarios.synthetic_fusion.server import READER, SERVERS
from scenarios.synthetic_fusion.settings import GENERATING, SCRATCH, VOTING, Settings
from scenarios.synthetic_fusion.topics import topic_counts, topics_of
from scenarios.synthetic_fusion.votes import halving

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build", "small"]

_CLIENTS = "scenarios.synthetic_fusion.client"
_TUNED = frozenset({"private_fusegen", "hosted_fusegen"})
"""Methods whose parties train on their records."""
_TUNING_KNOBS: Mapping[str, Literal["at most", "at least"] | tuple[str, ...]] = {
    "epochs": "at most",
    "batch": "at least",
    "learning_rate": "at most",
}
PUBLIC_TEXTS = 200
"""Public texts that a defense is handed; a scratch generator has read all of them."""


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    return assemble(settings, read_records(settings.data, settings.data_options), (*axes, settings.data))


def small(folder: str) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    model = str(toy_model(folder))
    settings = Settings(
        method="private_fusegen",
        data="toy",
        prefixes={"bank": "Bank:", "friend": "Friend:"},
        generator=model,
        encoder=model,
        clients=3,
        alpha=5.0,
        records=20,
        canaries=2,
        least=2,
        average=2,
        canary_kind="rare",
        auxiliary=16,
        public=6,
        test=6,
        max_tokens=8,
        texts=3,
        rounds=2,
        shots=2,
        screened=4,
        boosting=2,
        rank=2,
        epochs=1,
    )
    return assemble(settings, list(toy_records()), ("toy",))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on labelled records of ``pool``; every draw is seeded by ``axes``."""
    drawn = draw_pool(settings, pool, axes)
    encoder = Encoder(PartRef(settings.encoder, 0, settings.encoder_blocks or None))
    topics = topics_of(drawn.auxiliary, settings.topics, encoder, axes)
    plans = FusionPlans(settings, axes, encoder, drawn, generator_of(settings, drawn.public, axes), topics)
    members = cast(settings, drawn.private, drawn.public, numpy_generator("population", *axes))
    tokens = load_tokens(tokenizer_folder(plans.model))
    about = topic_counts(members.population.records, topics, encoder) if topics else {}
    live = replace(
        plans.deployment(members.population, members.chosen.candidates, members),
        secrets=secrets_of(members, drawn.auxiliary, tokens, settings.max_tokens, about),
        redraw=partial(plans.redrawn, members.chosen.candidates, members),
    )
    variants = {
        "local_only": partial(plans.alone, live, plans.shares()),
        "centralised": partial(plans.centralised, live),
    }
    return replace(live, variants=variants)


@dataclass(frozen=True)
class FusionPlans(Plans):
    """Everything of a deployment of synthetic_fusion but the private records."""

    settings: Settings
    pool: Pool
    model: str
    """Name or folder of the generator's model."""
    topics: tuple[str, ...] = ()
    """Public: the texts that topics are called by."""

    @property
    def test(self) -> dict[str, Record]:
        """Item id -> held-out record."""
        return {f"t{i}": record for i, record in enumerate(self.pool.test)}

    def deployment(self, population: Population, candidates: tuple[Candidate, ...], live: Cast) -> Deployment:
        """The system on these records, without secrets."""
        from harness.scenario import model_hash

        s = self.settings
        generator = PartRef(self.model, 0, None, head=True)
        canaries = frozenset(c.text for c in candidates if c.canary)
        held = {name: repeated(records, canaries, s.repeats) for name, records in population.records.items()}
        plans = {name: self._plan(k, held[name], generator) for k, name in enumerate(self.clients)}
        private = [make(item.text, label=item.label) for plan in plans.values() for item in plan.records]
        return Deployment(
            function=f"{_CLIENTS}:{CLIENTS[s.method]}",
            curious=SERVERS[s.method],
            imports=("peft", "scipy.spatial.distance", "sklearn.linear_model"),
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
            encoder=self.encoder,
            coalitions=self.coalitions(),
            candidates=candidates,
            truth=population.truth,
            knobs=_TUNING_KNOBS if s.method in _TUNED else {},
            knockout="rows",
            entitlement=self.entitlement(),
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
        return {name: items[k :: len(self.clients)] for k, name in enumerate(self.clients)}

    def alone(self, live: Deployment, items: Mapping[str, tuple[Item, ...]]) -> Deployment:
        """Task models of each party's own real records, answering its share of the tests.

        Where everybody has labelled public texts, no protocol is needed to learn from them: they are given, too.
        """
        labels = self.public_labels()
        known = {"public_labels": list(labels)}
        texts = tuple(record.text for record in self.pool.public) if labels else ()
        parties = {
            name: replace(plan, items=items[name], parts={}, settings={**plan.settings, **known}, public_texts=texts)
            for name, plan in live.parties.items()
        }
        return replace(live, function=f"{_CLIENTS}:alone", curious=idle, parties=parties, curious_parts={})

    def centralised(self, live: Deployment) -> Deployment:
        """One task model of everybody's real records."""
        everything = tuple(record for plan in live.parties.values() for record in plan.records)
        everyone = {EVERYONE: replace(live.parties[CURIOUS], records=everything)}
        return self.alone(replace(live, parties=everyone), {EVERYONE: self._items()})

    def public_labels(self) -> tuple[str, ...]:
        """Labels of the public texts, where the scratch generator reads them with the texts; else none."""
        s = self.settings
        known = s.generator == SCRATCH and s.labelled_public
        return tuple(str(record.label) for record in self.pool.public) if known else ()

    def coalitions(self) -> dict[str, Coalition]:
        """The server, the curious client, and the reader of the release."""
        return super().coalitions() | {READER: Coalition(READER, frozenset({READER}))}

    def entitlement(self) -> dict[str, Any]:
        """Everything that the adversary is given; stored with every run."""
        s = self.settings
        return super().entitlement() | {
            "generator": "from scratch on public texts" if s.generator == SCRATCH else "pretrained, public",
            "votes_seen": s.aggregation if s.method in VOTING else "none",
            "rounds": "all",
            "canary_repeats": s.repeats,
        }

    def _items(self) -> tuple[Item, ...]:
        return tuple(Item(name, record.text) for name, record in self.test.items())

    def _shared(self) -> dict[str, Any]:
        """Public settings of all parties."""
        return {**self.settings.model_dump(exclude={"data_options", "scratch", "topics"}), "model": self.model}

    def _plan(self, number: int, records: tuple[Item, ...], generator: PartRef) -> PartyPlan:
        s = self.settings
        own = {
            "instruction": in_turn(s.instructions, number),
            "temperature": in_turn(s.temperatures, number),
        }
        public_texts = [record.text for record in self.pool.public[:PUBLIC_TEXTS]]
        parts = {} if s.method in VOTING else {"generator": generator}
        return self.party((), records, self._shared() | own, public_texts, parts=parts)

    def _public(self, openings: Mapping[str, tuple[str, str]]) -> Public:
        s = self.settings
        generator = GeneratorFacts(
            model=self.model,
            max_tokens=s.max_tokens,
            prompts={name: self._prompts(k) for k, name in enumerate(self.clients)},
            adapter_scale=SCALE,
            openings={name: beginning for name, (beginning, _) in openings.items()},
        )
        population = self.population_facts(sorted(s.prefixes), records=s.records, topics=self.topics)
        texts = PublicTextFacts(tuple(record.text for record in self.pool.public))
        rule = (VoteFacts(halving(s.ranks)),) if s.method in VOTING else ()
        return Public(auxiliary=self.pool.auxiliary, facts=(population, generator, texts, *rule))

    def _prompts(self, number: int) -> dict[str, str]:
        """Label -> prompt by which a party's generator is asked for a text of that label, and was when it learned."""
        instruction = in_turn(self.settings.instructions, number)
        return {label: listing(instruction, self.settings.prefixes, (), label) for label in self.settings.prefixes}
