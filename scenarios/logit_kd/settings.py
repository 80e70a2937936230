"""Settings of a logit_kd suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from harness.scenario import SuiteError
from scenarios.planting import Planting

__all__ = ["MEANING", "Settings", "read_settings"]

ModelName = Literal["linear", "linear-second", "mlp", "scratch"]


class Settings(Planting):
    """What a suite entry may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="embedded dataset, local path or hub name; its records need labels")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    classes: int = Field(0, ge=0, description="keep only the most frequent classes, this many; 0: all")
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
    batch_size: int = Field(16, ge=1, description="records per local step")
    lr: float = Field(0.01, gt=0, description="local learning rate (Adam)")

    clients: int = Field(8, description="data parties; client0 may be curious, so no secret of it is scored")
    partition: Literal["dirichlet", "group"] = Field("dirichlet", description="by label shares, or whole groups")
    alpha: float = Field(0.5, description="concentration of the Dirichlet label shares")
    least: int = Field(8, ge=1, description="records that every client has at least")
    records: int = Field(800, ge=4, description="private records of all clients together, candidates among them")
    canaries: int = Field(0, ge=0, description="canary candidates of membership, in with probability 1/2")
    canary_kind: Literal["mislabelled", "rare"] = Field("mislabelled", description="what makes a canary")
    average: int = Field(0, ge=0, description="average candidates of membership, in with probability 1/2")
    auxiliary: int = Field(800, ge=1, description="the attacker's own labelled records")
    public: int = Field(200, ge=1, description="public texts that everybody answers")
    test: int = Field(200, ge=1, description="held-out texts that utility is scored on, dealt to the clients in turn")

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the frozen public encoders that some client uses, the scenario's own first."""
        return (self.model, self.second_model) if "linear-second" in self.models else (self.model,)

    @property
    def trainings(self) -> int:
        """How often a client trains on its own records, for ``epochs`` each time: before the first round and in each,
        in fedhkt in every inner round and at the end."""
        return 1 + self.rounds * (self.inner_rounds if self.method == "fedhkt" else 1)


MEANING = {
    name: str(field.description)
    + ("" if field.is_required() else f" (default: {field.get_default(call_default_factory=True)!r})")
    for name, field in Settings.model_fields.items()
}


def read_settings(entry: str, raw: dict[str, Any]) -> Settings:
    """Validated settings; :class:`SuiteError` with every problem at once."""
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        lines = [f"{'.'.join(str(x) for x in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise SuiteError(f"entry {entry!r}, settings: " + "; ".join(lines)) from error
    if problems := _problems(settings):
        raise SuiteError(f"entry {entry!r}, settings: " + "; ".join(problems))
    return settings


def _problems(settings: Settings) -> list[str]:
    problems = []
    if settings.clients < 3:
        problems.append(f"clients: {settings.clients}; sharing needs 2, and client0 is never a victim: give 3 or more")
    always = settings.records - settings.canaries - settings.average
    if always < settings.clients * settings.least:
        problems.append(
            f"records: {settings.records} leave {always} beside the membership candidates; {settings.clients} clients "
            f"of at least {settings.least} need {settings.clients * settings.least}"
        )
    if settings.auxiliary < always:
        problems.append(f"auxiliary: {settings.auxiliary} are fewer than the {always} records of a shadow run")
    if settings.method == "fedhkt" and not set(settings.models) <= {"linear", "mlp"}:
        problems.append("models: the edges of fedhkt average parameters on the one encoder; give linear or mlp")
    if settings.method == "fedhkt" and settings.edges > settings.clients // 2:
        problems.append(f"edges: {settings.edges} for {settings.clients} clients; groups need two clients on average")
    return problems
