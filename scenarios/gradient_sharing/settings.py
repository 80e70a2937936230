"""Settings of a gradient_sharing suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.scenario import GROUPS
from scenarios.common.settings import PlainCanary, PopulationSettings

__all__ = ["Settings"]

Group = Literal["attention", "mlp", "norms", "head"]


class Settings(PopulationSettings):
    """Model, data and method of a suite entry."""

    data: str = Field(description="embedded dataset, local path or hub name; its records need labels")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    classes: int = Field(0, ge=0, description="keep only the most frequent classes, this many; 0: all")
    named: tuple[str, ...] = Field((), description="keep only classes of these names; empty: of any name")
    model: str = Field(description="embedded name, hub name or local folder of a causal model or encoder")
    blocks: int | None = Field(None, ge=1, description="first blocks of the model that are used; none given: all")
    max_tokens: int = Field(24, ge=2, description="texts are truncated to this many tokens")

    method: Literal["fedsgd", "fedavg", "fedprox"] = Field(
        "fedsgd", description="send the gradient of one batch, or the change of the model by local training"
    )
    task: Literal["classification", "language_modelling"] = Field(
        "classification", description="of whole texts, or of each next token (causal models)"
    )
    embeddings: Literal["trained", "frozen"] = Field("trained", description="whether embeddings are trained and sent")
    trained: tuple[Group, ...] = Field(
        ("attention", "mlp", "norms", "head"), description="other groups of parameters that are trained and sent"
    )
    layers: tuple[int, ...] = Field((), description="blocks of which they are; empty: all")
    rank: int = Field(0, ge=0, description="rank of low-rank adapters that are trained instead, with the head; 0: none")
    targets: tuple[str, ...] = Field((), description="linear layers that have adapters, by name")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="numbers of what clients send")
    dropout: bool = Field(False, description="whether dropout is on in training")
    aggregation: Literal["plain", "sum"] = Field("plain", description="sum: secure aggregation, the server sees sums")

    server: Literal["curious", "malicious"] = Field(
        "curious",
        description="malicious: attacks of behaviour malicious, and no others, are made by a server that alters the "
        "model before attacked rounds; such entries stand in suites of their own",
    )

    rounds: int = Field(1, ge=1, description="rounds of the protocol")
    batch_size: int = Field(8, ge=1, description="records of a batch")
    batches: int = Field(1, ge=1, description="batches of a client in each round; 1 in fedsgd")
    epochs: int = Field(1, ge=1, description="fedavg, fedprox: passes over the round's batches")
    lr: float = Field(1e-3, gt=0, description="learning rate of local training, in references without sharing, too")
    optimiser: Literal["adam", "sgd"] = Field("adam", description="optimiser of local training")
    proximal: float = Field(
        0.0, ge=0, description="fedprox: weight of the squared distance to the global model, halved"
    )
    server_optimiser: Literal["adam", "sgd"] = Field(
        "adam", description="the server's step along the mean of what clients sent"
    )
    server_lr: float = Field(1e-3, gt=0, description="its learning rate; sgd with 1.0 is the mean itself in fedavg")
    alone: int = Field(0, ge=0, description="rounds' worth of steps of the references without sharing; 0: rounds")
    attacked: int = Field(1, ge=1, description="rounds whose texts are secrets, drawn at random")

    canary_kind: PlainCanary = "mislabelled"
    least: int = Field(8, ge=1, description="records that every client has at least")
    public: int = Field(32, ge=0, description="public texts, for defenses")
    test: int = Field(200, ge=1, description="held-out texts that utility is scored on, dealt to the clients in turn")

    @property
    def groups(self) -> tuple[str, ...]:
        """All trained groups of parameters, in the usual order."""
        chosen = {*self.trained, *(["embeddings"] if self.embeddings == "trained" else [])}
        return tuple(group for group in GROUPS if group in chosen)

    @property
    def window(self) -> int:
        """Records of a client that take part in one round."""
        return self.batch_size * self.batches

    @property
    def first_attacked(self) -> int:
        """The first round that may be attacked: nothing is sent to parties before round 0."""
        return 1 if self.server == "malicious" else 0

    def problems(self) -> list[str]:
        """Contradictions between settings, of the population and of the method."""
        problems = super().problems()
        if self.method == "fedsgd" and (self.batches > 1 or self.epochs > 1):
            problems.append("batches, epochs: a client of fedsgd sends the gradient of one batch; use fedavg for more")
        if self.method != "fedprox" and self.proximal:
            problems.append(f"proximal: has no meaning in {self.method}")
        if self.least < self.window:
            problems.append(f"least: {self.least} records, fewer than the {self.window} of one round; give as many")
        if self.attacked > self.rounds - self.first_attacked:
            after = " after the first, before which a malicious server sends nothing" if self.first_attacked else ""
            problems.append(f"attacked: {self.attacked} rounds of {self.rounds}{after}")
        if self.server == "malicious":
            problems += self._untouchable()
        if bool(self.rank) != bool(self.targets):
            problems.append("rank, targets: adapters need both")
        if self.task == "language_modelling" and self.blocks is not None:
            problems.append("blocks: language modelling needs the whole model")
        if not self.groups:
            problems.append("trained: everything is frozen; name at least one group")
        return problems

    def _untouchable(self) -> list[str]:
        """Settings with which a malicious server cannot alter what it has to."""
        lacking = {"attention", "mlp", "norms"} - set(self.groups)
        reasons = {
            f"trained: a malicious server alters {', '.join(sorted(lacking))}, too": bool(lacking),
            "layers, rank: a malicious server alters all weights of all blocks": bool(self.layers or self.rank),
            "method: a malicious server reads the gradients of fedsgd": self.method != "fedsgd",
            "task: a malicious server alters encoders, which do no language modelling": self.task != "classification",
        }
        return [reason for reason, holds in reasons.items() if holds]
