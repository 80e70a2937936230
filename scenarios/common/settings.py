"""Settings of every scenario whose clients own labelled records: how many records there are, and who holds them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.scenario import Settings

__all__ = [
    "Alpha",
    "Auxiliary",
    "Average",
    "Canaries",
    "Clients",
    "Least",
    "Partition",
    "PlainCanary",
    "PopulationSettings",
    "Records",
]

Clients = Annotated[int, Field(description="data parties; client0 may be curious, so no secret of it is scored")]
Partition = Annotated[Literal["dirichlet", "group"], Field(description="by label shares, or whole groups")]
Alpha = Annotated[float, Field(gt=0, description="concentration of the Dirichlet label shares")]
Least = Annotated[int, Field(ge=1, description="records that every client has at least")]
Records = Annotated[int, Field(ge=4, description="private records of all clients together, candidates among them")]
Canaries = Annotated[int, Field(ge=0, description="canary candidates of membership, in with probability 1/2")]
PlainCanary = Annotated[Literal["mislabelled", "rare"], Field(description="what makes a canary")]
Average = Annotated[int, Field(ge=0, description="average candidates of membership, in with probability 1/2")]
Auxiliary = Annotated[int, Field(ge=1, description="the attacker's own labelled records")]


class PopulationSettings(Settings):
    """Sizes of the data and their division among clients, with a planted property.

    A scenario declares again what has another default (``clients: Clients = 10``) or another meaning.
    """

    clients: Clients = 8
    partition: Partition = "dirichlet"
    alpha: Alpha = 0.5
    least: Least = 8
    records: Records = 800
    canaries: Canaries = 0
    canary_kind: str = Field("mislabelled", description="what makes a canary")
    average: Average = 0
    auxiliary: Auxiliary = 800
    public: int = Field(200, ge=0, description="public texts")
    test: int = Field(200, ge=1, description="held-out texts that utility is scored on")

    planted: bool = Field(
        False,
        description="plant a property: half of the clients have 80 % of their texts signed by one name, the others "
        "20 %; what else is signed is so half and half",
    )
    planted_on: Literal["texts", "label"] = Field(
        "texts",
        description="label: 80 % of the first label's texts and 20 % of the others', or the other way round, so that "
        "a model learns what the name goes with; texts: whatever their label, which a model need not learn",
    )

    def problems(self) -> list[str]:
        """Contradictions between the number of clients and the sizes of the data."""
        problems = []
        if self.clients < 3:
            problems.append(f"clients: {self.clients}; sharing needs 2, and client0 is never a victim: give 3 or more")
        always = self.records - self.canaries - self.average
        if always < self.clients * self.least:
            problems.append(
                f"records: {self.records} leave {always} beside the membership candidates; {self.clients} clients "
                f"of at least {self.least} need {self.clients * self.least}"
            )
        if self.auxiliary < always:
            problems.append(f"auxiliary: {self.auxiliary} are fewer than the {always} records of a shadow run")
        return problems
