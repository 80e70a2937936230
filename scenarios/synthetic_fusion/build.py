"""From a suite entry's settings to a deployment: data drawn and divided, generator made, roles handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.attack import Public
from harness.coalition import Candidate, Coalition
from harness.data.candidates import Chosen, choose, held
from harness.data.partition import label_counts, label_shares, partition
from harness.data.record import Record, content_hash, make
from harness.defense import Item
from harness.scenario import Deployment, Encoder, PartRef, PartyPlan
from harness.secret import DistributionSecret, PresenceSecret, Secret
from harness.seeds import numpy_generator
from harness.utility import Classification
from scenarios.synthetic_fusion import servers
from scenarios.synthetic_fusion.canaries import echoing
from scenarios.synthetic_fusion.pool import Pool, draw_pool, generator_of
from scenarios.synthetic_fusion.settings import GENERATING, Settings
from scenarios.synthetic_fusion.voting import halving

if TYPE_CHECKING:
    import numpy

__all__ = ["assemble", "build"]

Axes = tuple[str | int, ...]
MODULE = "scenarios.synthetic_fusion.parties"


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    from harness.data import load, records

    pool = records(load(settings.data, **settings.data_options))
    return assemble(settings, pool, (*axes, settings.data))


def assemble(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on the records of ``pool``; every draw is seeded by ``axes``.

    Raises:
        SuiteError: labels of the data and of ``prefixes`` differ.
    """
    drawn = draw_pool(settings, pool, axes)
    system = _System(settings, drawn, generator_of(settings, drawn.public, axes), axes)
    rng = numpy_generator("candidates", *axes)
    chosen = _choose(settings, system.divided(drawn.private, numpy_generator("parties", *axes)), drawn, rng)
    return system.deployment(chosen.candidates, chosen.others, chosen.members, chosen)


@dataclass(frozen=True)
class _System:
    """Everything but the private records."""

    settings: Settings
    pool: Pool
    model: str
    axes: Axes

    @property
    def names(self) -> list[str]:
        return [f"client{k}" for k in range(self.settings.parties)]

    @property
    def classes(self) -> list[str]:
        return sorted(self.settings.prefixes)

    @property
    def encoder(self) -> Encoder:
        s = self.settings
        return Encoder(PartRef(s.encoder, 0, s.encoder_blocks or None))

    @property
    def test(self) -> dict[str, Record]:
        return {f"t{i}": record for i, record in enumerate(self.pool.test)}

    def divided(self, records: Sequence[Record], rng: numpy.random.Generator) -> dict[str, tuple[Record, ...]]:
        """Records of every party."""
        s = self.settings
        if s.parties == 1:
            return {self.names[0]: tuple(records)}
        return dict(zip(self.names, partition(records, s.parties, rng, how=s.how, alpha=s.alpha), strict=True))

    def deployment(
        self,
        candidates: tuple[Candidate, ...],
        others: Mapping[str, Sequence[Record]],
        members: Mapping[str, bool],
        live: Chosen | None = None,
    ) -> Deployment:
        """The system on these records; of shadows there is no secret to score."""
        from harness.models import model_hash

        s, records = self.settings, held(candidates, members, others)
        generator = PartRef(self.model, 0, None, head=True)
        writes = s.method in GENERATING
        counts = {name: label_counts(_records(rows), self.classes) for name, rows in records.items()}
        private = [record for rows in records.values() for record in _records(rows)]
        made = Deployment(
            function=f"{MODULE}:{'generator_party' if writes else 'voter'}",
            curious={"aug_pe": servers.aug_pe, "wasp": servers.wasp}.get(s.method, servers.fusegen),
            parties={name: self._plan(k, records[name], generator) for k, name in enumerate(self.names)},
            curious_parts={} if writes else {"generator": generator},
            public=self._public(),
            secrets=_secrets(live, counts) if live else {},
            tasks=(Classification({name: str(r.label) for name, r in self.test.items()}),),
            model_id=f"{self.model if s.generator != 'scratch' else 'scratch'}:{model_hash(self.model)}",
            data_id=f"{s.data}:{content_hash(private)}",
            settings=self._shared()
            | {
                "test": {name: r.text for name, r in self.test.items()},
                "probes": [(c.text, str(c.label)) for c in candidates],
            },
            encoder=self.encoder,
            coalitions=self._coalitions(),
            candidates=candidates,
            truth={"counts": counts},
            knockout="rows",
            entitlement=self._entitlement(),
        )
        return replace(made, variants=self._variants(made), redraw=lambda rng, coins: self._redrawn(rng, coins, made))

    def _redrawn(self, rng: numpy.random.Generator, members: Mapping[str, bool], live: Deployment) -> Deployment:
        """The same system on records that the attacker draws from its own."""
        size = self.settings.records - len(live.candidates)
        order = rng.permutation(len(self.pool.auxiliary))[:size]
        others = (
            self.divided([self.pool.auxiliary[int(i)] for i in order], rng) if size else dict.fromkeys(self.names, ())
        )
        return self.deployment(live.candidates, others, members)

    def _shared(self) -> dict[str, Any]:
        """Public settings of all parties."""
        return {**self.settings.model_dump(exclude={"data_options", "scratch"}), "model": self.model}

    def _plan(self, number: int, records: tuple[Item, ...], generator: PartRef) -> PartyPlan:
        s = self.settings
        own = {
            "instruction": s.instructions[number % len(s.instructions)],
            "temperature": s.temperatures[number % len(s.temperatures)],
        }
        return PartyPlan(
            items=(),
            parts={"generator": generator} if s.method in GENERATING else {},
            settings=self._shared() | own,
            public_texts=tuple(record.text for record in self.pool.public[:PUBLIC_TEXTS]),
            seed=("defense", *self.axes),
            records=records,
            encoder=self.encoder,
        )

    def _variants(self, made: Deployment) -> dict[str, Any]:
        """Task models of real records alone: each party's own, answering its turn of the tests, or one of all."""
        items = [Item(name, record.text) for name, record in self.test.items()]
        shares = {name: tuple(items[k :: len(self.names)]) for k, name in enumerate(self.names)}

        def only(parties: dict[str, PartyPlan]) -> Deployment:
            return replace(made, function=f"{MODULE}:alone", curious=servers.idle, parties=parties, curious_parts={})

        def local() -> Deployment:
            return only({n: replace(p, items=shares[n], parts={}) for n, p in made.parties.items()})

        def central() -> Deployment:
            first = next(iter(made.parties.values()))
            everything = tuple(record for plan in made.parties.values() for record in plan.records)
            return only({"everyone": replace(first, items=tuple(items), parts={}, records=everything)})

        return {"local_only": local, "centralised": central}

    def _public(self) -> Public:
        s = self.settings
        facts = {
            **self._shared(),
            "labels": self.classes,
            "parties": self.names,
            "votes": {"weights": halving(s.ranks), "by_class": True},
            "public_texts": [record.text for record in self.pool.public],
        }
        return Public(model=self.model, max_tokens=s.max_tokens, auxiliary=self.pool.auxiliary, facts=facts)

    def _coalitions(self) -> dict[str, Coalition]:
        first = self.names[0]
        return {
            "server": Coalition("server", sees_server=True),
            first: Coalition(first, frozenset({first})),
            servers.READER: Coalition(servers.READER, frozenset({servers.READER})),
        }

    def _entitlement(self) -> dict[str, Any]:
        s = self.settings
        return {
            "auxiliary": s.auxiliary,
            "auxiliary_domain": "in",
            "generator": "from scratch on public texts" if s.generator == "scratch" else "pretrained, public",
            "votes_seen": s.aggregation if s.method not in GENERATING else "none",
            "queries": "passive",
            "rounds": "all",
        }


PUBLIC_TEXTS = 200
"""Public texts that a defense is handed; the scratch generator has read all of them."""


def _choose(
    settings: Settings, parts: Mapping[str, Sequence[Record]], pool: Pool, rng: numpy.random.Generator
) -> Chosen:
    how = "rare" if settings.canary == "rare" else "mislabelled"
    if settings.canary != "echo":
        return choose(parts, canaries=settings.canaries, average=settings.average, rng=rng, how=how)
    plain = choose(parts, canaries=settings.canaries, average=settings.average, rng=rng, how="rare")
    return echoing(plain, [record.text for record in pool.public], rng)


def _secrets(chosen: Chosen, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Secret]:
    present = {name: {c: int(n > 0) for c, n in found.items()} for name, found in counts.items()}
    return {
        "membership": chosen.secret(),
        "label_distribution": DistributionSecret({name: label_shares(found) for name, found in counts.items()}),
        "class_presence": PresenceSecret(present),
    }


def _records(rows: Sequence[Item]) -> list[Record]:
    return [make(row.text, label=row.label) for row in rows]
