"""Common parts of the live run, its references and its shadow runs, where clients own labelled records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.scenario import (
    Coalition,
    Encoder,
    EncoderFacts,
    Item,
    PartRef,
    PartyPlan,
    PopulationFacts,
    load_tokens,
    tokenizer_folder,
)
from scenarios.common.population import CURIOUS, Population
from scenarios.common.settings import PopulationSettings

if TYPE_CHECKING:
    from harness.scenario import Net

__all__ = ["EVERYONE", "TRAINING_KNOBS", "Axes", "Plans", "everybodys_records", "idle"]

Axes = tuple[str | int, ...]
"""What the random draws of a deployment are seeded with."""

TRAINING_KNOBS: Mapping[str, Literal["at most", "at least"] | tuple[str, ...]] = {
    "epochs": "at most",
    "batch_size": "at least",
    "lr": "at most",
}
"""Settings of local training that a defense may change: each makes its party learn less from its own records."""

EVERYONE = "everyone"
"""The one party of the centralised reference."""


def idle(net: Net) -> None:
    """The curious party of the references: it says nothing."""


def everybodys_records(population: Population) -> tuple[Item, ...]:
    """Records of all parties, party by party."""
    return tuple(item for items in population.records.values() for item in items)


@dataclass(frozen=True)
class Plans:
    """Everything of a deployment but the private records; a scenario's own plans derive from this."""

    settings: PopulationSettings
    axes: Axes
    encoder: Encoder
    """Frozen public encoder of the texts."""

    @property
    def clients(self) -> list[str]:
        """Names of the clients, in order."""
        return [f"client{k}" for k in range(self.settings.clients)]

    def party(
        self,
        items: Sequence[Item],
        records: Sequence[Item],
        settings: Mapping[str, Any],
        public_texts: Sequence[str],
        *,
        encoder: Encoder | None = None,
        parts: Mapping[str, PartRef] | None = None,
    ) -> PartyPlan:
        """The plan of one party; ``encoder`` stands in for the common one."""
        return PartyPlan(
            items=tuple(items),
            parts=parts or {},
            settings=settings,
            public_texts=tuple(public_texts),
            seed=("defense", *self.axes),
            records=tuple(records),
            encoder=encoder or self.encoder,
        )

    def population_facts(
        self, labels: Sequence[str], *, records: int | None = None, topics: tuple[str, ...] = ()
    ) -> PopulationFacts:
        """The parties, a curious one among them, and the division of records, as everybody knows them."""
        settings = self.settings
        return PopulationFacts(
            parties=tuple(self.clients),
            labels=tuple(labels),
            clients=settings.clients,
            curious=CURIOUS,
            records=records,
            partition=settings.partition,
            alpha=settings.alpha,
            topics=topics,
        )

    def encoder_facts(self) -> EncoderFacts:
        """The common encoder and its tokenizer."""
        part, tokens = self.encoder.part, load_tokens(tokenizer_folder(self.encoder.part.model))
        return EncoderFacts(
            model=part.model,
            max_tokens=self.encoder.max_tokens,
            prefix=tuple(tokens.prefix),
            suffix=tuple(tokens.suffix),
            special_ids=tokens.special_ids,
            blocks=part.stop,
        )

    def coalitions(self) -> dict[str, Coalition]:
        """The server and the curious client, each by itself."""
        return {
            "server": Coalition("server", sees_server=True),
            "client": Coalition("client", frozenset({CURIOUS})),
        }

    def entitlement(self) -> dict[str, Any]:
        """Everything that the adversary is given in each of these scenarios."""
        settings = self.settings
        return {
            "auxiliary": settings.auxiliary,
            "auxiliary_domain": "in",
            "queries": "passive",
        }
