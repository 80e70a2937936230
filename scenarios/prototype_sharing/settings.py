"""Settings of a prototype_sharing suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from harness.scenario import SuiteError
from scenarios.planting import Planting

__all__ = ["MEANING", "Settings", "read_settings"]


class Settings(Planting):
    """What a suite entry may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="embedded dataset, local path or hub name; its records need labels")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    classes: int = Field(0, ge=0, description="keep only the most frequent classes, this many; 0: all")
    model: str = Field("all-minilm-l6-v2", description="the frozen public encoder")
    blocks: int | None = Field(None, ge=1, description="use only the encoder's first blocks; None: all")
    max_tokens: int = Field(32, ge=1, description="texts are truncated to this many tokens")

    method: Literal["fedproto", "fedtgp"] = Field("fedproto", description="how the server makes global prototypes")
    weighting: Literal["weighted", "unweighted"] = Field(
        "weighted", description="FedProto's mean over clients: by class counts, which are then sent (paper), or equal"
    )
    margin: Literal["paper", "code"] = Field(
        "paper", description="FedTGP's margin: the largest distance of two classes, or of a class to its nearest other"
    )
    margin_cap: float = Field(100.0, gt=0, description="FedTGP: the margin's upper bound tau")
    server_epochs: int = Field(100, ge=1, description="FedTGP: server epochs in each round")
    server_batch: int = Field(10, ge=1, description="FedTGP: prototypes per server step")
    server_lr: float = Field(0.01, gt=0, description="FedTGP: the server's learning rate (SGD)")
    features: Literal["adapter", "frozen", "projection"] = Field(
        "adapter",
        description="what prototypes are means of: embeddings with a trained residual adapter, the public "
        "embeddings themselves, or a linear map of them that each client draws for itself and trains",
    )
    width: int = Field(64, ge=2, description="dimensions of a projection; otherwise those of the encoder")
    rank: int = Field(16, ge=1, description="bottleneck of the adapter")
    reach: float = Field(0.02, gt=0, description="what the adapter adds is scaled by this")

    rounds: int = Field(4, ge=1, description="rounds of the protocol")
    epochs: float = Field(2, gt=0, description="local epochs in each round")
    alone_epochs: float = Field(
        30, gt=0, description="epochs of the references that do not share (local only, centralised), in all"
    )
    batch_size: int = Field(16, ge=1, description="records per local step")
    lr: float = Field(0.003, gt=0, description="local learning rate (Adam)")
    pull: float = Field(1.0, ge=0, description="weight of the squared distance to the global prototype")

    clients: int = Field(10, description="data parties; client0 may be curious, so no secret of it is scored")
    partition: Literal["dirichlet", "group"] = Field("dirichlet", description="by label shares, or whole groups")
    alpha: float = Field(0.1, description="concentration of the Dirichlet label shares")
    least: int = Field(8, ge=1, description="records that every client has at least")
    records: int = Field(1000, ge=4, description="private records of all clients together, candidates among them")
    canaries: int = Field(0, ge=0, description="canary candidates of membership, in with probability 1/2")
    canary_kind: Literal["mislabelled", "rare"] = Field("mislabelled", description="what makes a canary")
    average: int = Field(0, ge=0, description="average candidates of membership, in with probability 1/2")
    auxiliary: int = Field(1000, ge=1, description="the attacker's own labelled records")
    public: int = Field(64, ge=0, description="public texts, for defenses")
    test: int = Field(200, ge=1, description="held-out texts that utility is scored on")
    test_of: Literal["own", "all"] = Field(
        "own", description="held-out texts of a client: with its own records' class shares, or with everybody's"
    )


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
    return problems
