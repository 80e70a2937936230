"""The curious side of a protocol: ``net`` of a scenario's server.

A curious party is a straight-line function that owns the rounds. With one private party it talks in
``receive``/``reply``; with many in ``gather``/``scatter``. Either way every private party that waits is
answered exactly once before it is heard again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Unpack

from harness.errors import ProtocolError
from harness.models.meter import Meter, MeteredPart
from harness.protocol import training
from harness.protocol.channel import Channel
from harness.protocol.knockout import Sessions, knock_out_rows
from harness.protocol.secure_aggregation import extra_bytes, secure_aggregate
from harness.protocol.split_learner import SplitLearner
from harness.wire.coalition import SERVER, SUM
from harness.wire.message import Kind, Message, Value

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = ["SERVER", "CuriousResources", "Net"]


@dataclass
class CuriousResources:
    """Everything the curious party works with: model parts, public settings, an encoder, a generator, a meter."""

    settings: Mapping[str, Any]
    generator: torch.Generator
    meter: Meter
    parts: Mapping[str, Callable[[], MeteredPart]] = field(default_factory=dict)
    embed: Callable[[Sequence[str]], Tensor] | None = None
    knockout: Literal["sessions", "rows"] = "sessions"


class Net:
    """``net`` in a scenario's curious function.

    ``behaviour`` is ``honest``; ``knockout`` (the harness's control: every answer is computed from other messages);
    ``local_only`` or ``centralised`` (utility references); or a name that the scenario itself understands.
    """

    def __init__(self, channel: Channel, resources: CuriousResources, behaviour: str = "honest") -> None:
        self.settings = resources.settings
        self.generator = resources.generator
        """The curious party's own randomness."""
        self.behaviour = behaviour
        self.own: dict[str, Value] = {}
        """What the coalition has besides messages (its models, its draws): kept with the run, shown as ``view.own``."""
        self.predictions: dict[str, Any] = {}
        self._channel = channel
        self._resources = resources
        self._current: dict[str, Message] = {}
        self._knock_out = Sessions() if resources.knockout == "sessions" else knock_out_rows

    @property
    def parties(self) -> tuple[str, ...]:
        """Names of the private parties, in order."""
        return self._channel.parties

    @property
    def rounds(self) -> int:
        """The setting ``rounds``, 1 where there is none."""
        return int(self.settings.get("rounds", 1))

    def part(self, role: str) -> MeteredPart:
        """The curious party's own model part of that role."""
        return self._resources.parts[role]()

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Embeddings [n, d] by the deployment's frozen public encoder."""
        if self._resources.embed is None:
            raise ProtocolError("net.embed: this deployment has no encoder; set Deployment.encoder")
        return self._resources.embed(texts)

    def fresh(self, model: training.M) -> training.M:
        """The model with all parameters drawn anew from the curious party's generator."""
        return training.fresh(model, self.generator)

    def train(
        self, model: nn.Module, loss: training.Loss, *, data: training.Columns, **knobs: Unpack[training.TrainingKnobs]
    ) -> None:
        """Train a model of the curious party in place, as :meth:`harness.protocol.party.Party.train` does."""
        plan = training.plan(data, **knobs)
        training.train(model, loss, plan, self.generator, self._resources.meter)

    def learner(self, modules: Sequence[nn.Module], *, lr: float) -> SplitLearner:
        """The curious party's share in training a model that is split between parties."""
        return SplitLearner(modules, lr, self._resources.meter)

    def predict(self, record: str, value: Any) -> None:
        """Commit the curious party's final output on one record (JSON-like), for utility of its model."""
        if record in self.predictions:
            raise ProtocolError(f"the curious party predicted record {record!r} twice")
        self.predictions[record] = value

    def gather(self, reduce: Literal["sum"] | None = None) -> dict[str, Message]:
        """Messages of every private party that still runs; empty when all are done.

        With ``reduce="sum"`` this is secure aggregation: the one message under the name ``sum`` adds the parties'
        tensors and numbers up, and no curious party sees the individual ones; see
        :mod:`harness.protocol.secure_aggregation`.
        """
        self._current = dict(self._channel.waiting)
        if reduce is None or not self._current:
            return {name: self._delivered(message) for name, message in self._current.items()}
        total = secure_aggregate(self._current)
        for name in self._current:
            self._channel.seal(name)
        self._channel.extra_bytes += len(self._current) * extra_bytes(len(self._current))
        self._channel.relay(SUM, SERVER, total)
        return {SUM: self._delivered(total)}

    def relay(self, sender: str, receiver: str, kind: Kind, *, round: int = 0, **payload: Value) -> None:
        """Record a message between two curious parties (an edge to the server), for coalitions that see only one."""
        self._channel.relay(sender, receiver, Message(kind, payload, round=round))

    def scatter(self, kind: Kind, payloads: Mapping[str, Mapping[str, Value]]) -> None:
        """Answer each named party with its own payload."""
        for name, payload in payloads.items():
            asked = self._current.pop(name, None)
            if asked is None:
                raise ProtocolError(f"party {name!r} was answered without having been heard")
            self._channel.answer(name, Message(kind, payload, asked.session, asked.step, asked.round))

    def scatter_all(self, kind: Kind, **payload: Value) -> None:
        """Answer every party heard in the last :meth:`gather` with the same payload."""
        self.scatter(kind, dict.fromkeys(self._current, payload))

    def receive(self) -> Message | None:
        """The next message of the only private party; None when it is done."""
        heard = self.gather()
        if len(heard) > 1:
            raise ProtocolError("receive() is for one private party; use gather() for several")
        return next(iter(heard.values()), None)

    def reply(self, kind: Kind, **payload: Value) -> None:
        """Answer the message last received."""
        self.scatter_all(kind, **payload)

    def _delivered(self, message: Message) -> Message:
        return self._knock_out(message) if self.behaviour == "knockout" else message
