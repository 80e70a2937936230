"""Settings of a prototype_sharing suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from scenarios.common.settings import Alpha, Auxiliary, Clients, PlainCanary, PopulationSettings, Records

__all__ = ["Settings"]


class Settings(PopulationSettings):
    """Data, models and method of a suite entry."""

    data: str = Field(description="embedded dataset, local path or hub name; its records need labels")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    classes: int = Field(0, ge=0, description="keep only the most frequent classes, this many; 0: all")
    named: tuple[str, ...] = Field((), description="keep only classes of these names; empty: of any name")
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

    clients: Clients = 10
    alpha: Alpha = 0.1
    records: Records = 1000
    canary_kind: PlainCanary = "mislabelled"
    auxiliary: Auxiliary = 1000
    public: int = Field(64, ge=0, description="public texts, for defenses")
    test_of: Literal["own", "all"] = Field(
        "own", description="held-out texts of a client: with its own records' class shares, or with everybody's"
    )
