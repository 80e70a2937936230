"""Settings of a logit_kd suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from scenarios.common.settings import PlainCanary, PopulationSettings

__all__ = ["Settings"]

ModelName = Literal["linear", "linear-second", "mlp", "scratch"]


class Settings(PopulationSettings):
    """Data, models and method of a suite entry."""

    data: str = Field(description="embedded dataset, local path or hub name; its records need labels")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    classes: int = Field(0, ge=0, description="keep only the most frequent classes, this many; 0: all")
    named: tuple[str, ...] = Field((), description="keep only classes of these names; empty: of any name")
    model: str = Field("all-minilm-l6-v2", description="the frozen public encoder")
    second_model: str = Field("paraphrase-minilm-l3-v2", description="another one, of clients of linear-second")
    max_tokens: int = Field(32, ge=1, description="texts are truncated to this many tokens")

    method: Literal["fedmd", "fedhkt"] = Field("fedmd", description="the protocol; fedhkt is a reconstruction")
    models: tuple[ModelName, ...] = Field(
        ("linear", "mlp", "linear-second", "scratch"),
        min_length=1,
        description="the clients' models, in turn (fedhkt: the edges'): a linear layer or an MLP on the encoder, a "
        "linear layer on the second encoder, a small transformer trained from scratch",
    )
    digest: Literal["mae", "kl"] = Field("mae", description="FedMD: loss towards the consensus")
    digest_epochs: int = Field(2, ge=0, description="epochs on the public texts in each round")
    digest_lr: float = Field(0.01, gt=0, description="learning rate there (Adam)")
    temperature: float = Field(1.0, gt=0, description="of KL digests and of confidence weights")
    copies: int = Field(0, ge=0, description="altered copies of each candidate, where the server chooses queries")
    altered_by: Literal["paraphrase", "drop", "both"] = Field(
        "both", description="half of the words replaced by near ones of the encoder, a quarter left out, or in turn"
    )

    edges: int = Field(2, ge=1, description="fedhkt: groups of clients with similar label shares")
    inner_rounds: int = Field(2, ge=1, description="fedhkt: parameter averages inside a group in each round")
    ensemble: Literal["class", "confidence"] = Field("confidence", description="fedhkt: what weighs edges' logits")
    threshold: float = Field(0.5, ge=0, lt=1, description="fedhkt: confidence below which knowledge is not selected")
    server_width: int = Field(256, ge=1, description="fedhkt: hidden units of the server's MLP")

    rounds: int = Field(3, ge=1, description="rounds of the protocol")
    epochs: float = Field(4, gt=0, description="private epochs before the first round, and in each")
    revisit: float | None = Field(
        None,
        ge=0,
        description="private epochs after each digest of FedMD (its step 'revisit'); none given: as many as epochs. "
        "References that do not share always train epochs",
    )
    batch_size: int = Field(16, ge=1, description="records per local step")
    lr: float = Field(0.01, gt=0, description="local learning rate (Adam)")

    canary_kind: PlainCanary = "mislabelled"
    public: int = Field(200, ge=1, description="public texts that everybody answers")
    test: int = Field(200, ge=1, description="held-out texts that utility is scored on, dealt to the clients in turn")

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the frozen public encoders that some client uses, the scenario's own first."""
        return (self.model, self.second_model) if "linear-second" in self.models else (self.model,)

    @property
    def questions(self) -> int:
        """Fresh public texts that an honest server of fedmd asks about: as many as there are candidates, which is what
        an active one asks about, so that no party can tell the two by their questions.
        """
        return self.canaries + self.average if self.method == "fedmd" else 0

    @property
    def trainings(self) -> int:
        """Trainings of a client on its own records, ``epochs`` each: before the first round, and in each round or,
        in fedhkt, in every inner round and at the end.
        """
        return 1 + self.rounds * (self.inner_rounds if self.method == "fedhkt" else 1)

    def problems(self) -> list[str]:
        """Contradictions between settings, of the population and of the method."""
        problems = super().problems()
        if self.method == "fedhkt" and not set(self.models) <= {"linear", "mlp"}:
            problems.append("models: the edges of fedhkt average parameters on the one encoder; give linear or mlp")
        if self.method == "fedhkt" and self.edges > self.clients // 2:
            problems.append(f"edges: {self.edges} for {self.clients} clients; groups need two clients on average")
        return problems
