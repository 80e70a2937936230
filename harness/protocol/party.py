"""A private party's side: its records and model parts, and the link that applies the defense.

A party is a generator: it yields what it sends and is resumed with the answer,
``reply = yield me.send(HIDDEN, hidden=h)``. So many parties live in one worker without threads, and a
transport is no more than ``step(party, bytes | None) -> bytes | None``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from harness.data.record import Item
from harness.defense import Defense
from harness.dp.mechanisms import DPSGD
from harness.errors import DefenseError, ProtocolError
from harness.models.meter import Meter, MeteredPart
from harness.protocol import training
from harness.protocol.contract import check_outgoing
from harness.protocol.split_learner import SplitLearner
from harness.wire.message import Kind, Message, Value, decode, encode
from harness.wire.packing import Packed

__all__ = ["Embed", "Link", "Party", "PartyFunction", "PartyResources", "Sent"]

Embed = Callable[[Sequence[str]], Tensor]
"""Texts -> embeddings [n, d]."""


@dataclass(frozen=True)
class Sent:
    """A message on its way: ``live`` is what the defense returned, with its graph, for training scenarios."""

    plain: Message
    live: Message
    frame: bytes


class Link:
    """The private end of the wire: defense, contract check, codec. The frame holds a detached copy."""

    def __init__(self, defense: Defense, meter: Meter) -> None:
        self.defense = defense
        self.meter = meter

    def send(self, message: Message) -> Sent:
        """Apply the defense to ``message`` and encode the result; :class:`DefenseError` if it breaks the contract."""
        me = self.defense.me
        me.begin(message)
        with self.meter.counting():
            defended = check_outgoing(message, self.defense.send(message))
        me.end(defended)
        live = {k: _pass_gradient(message.payload[k], v) for k, v in defended.payload.items()}
        return Sent(message, replace(defended, payload=live), encode(defended))

    def receive(self, frame: bytes, sent: Sent) -> Message:
        """Decode an answer to ``sent`` and hand it through the defense."""
        message = replace(decode(frame), answers=sent.live)
        with self.meter.counting():
            arrived = self.defense.receive(message)
        if not isinstance(arrived, Message):
            raise DefenseError(f"receive() returned {type(arrived).__name__}, it must return the message")
        return arrived


def _pass_gradient(before: Value, after: Value) -> Value:
    """Straight-through where the defense cut the graph: forward the defended value, backward the identity."""
    if isinstance(before, Tensor) and before.requires_grad and isinstance(after, Packed):
        after = after.dense()
    if not (isinstance(before, Tensor) and before.requires_grad and isinstance(after, Tensor)):
        return after
    return after if after.requires_grad else before + (after - before).detach()


@dataclass(frozen=True)
class PartyResources:
    """Everything a party has besides its defense: data, model parts, and a generator for its training draws."""

    items: tuple[Item, ...]
    records: tuple[Item, ...]
    public_texts: tuple[str, ...]
    parts: Mapping[str, MeteredPart]
    settings: Mapping[str, Any]
    tokenizer: Any
    embed: Embed | None
    generator: torch.Generator


class Party:
    """``me`` in a scenario's private-party function."""

    def __init__(self, name: str, resources: PartyResources, link: Link) -> None:
        self.name = name
        self.settings = resources.settings
        self.tokenizer = resources.tokenizer
        self.records = resources.records
        """Labelled training records, as the defense's ``prepare`` left them."""
        self.public_texts = resources.public_texts
        self.generator = resources.generator
        """For training draws (initialisation, sampling); never seeded by the submission."""
        self.predictions: dict[str, Any] = {}
        self.own: dict[str, Any] = {}
        """Tensors and JSON values that a coalition with this party has besides messages (its final model, say)."""
        self.link = link
        self._resources = resources
        self._session, self._step = -1, 0
        self._entered: dict[int, int] = {}
        self._modules: torch.optim.Optimizer | None = None
        self._per_record: float | None = None

    def inputs(self) -> Iterator[Item]:
        """The party's inputs in order; each opens a new session."""
        for index, item in enumerate(self._resources.items):
            self._session, self._step = index, 0
            yield item

    @property
    def items(self) -> tuple[Item, ...]:
        """The party's inputs all at once, for protocols in rounds."""
        return self._resources.items

    def embed(self, texts: Sequence[Item | str]) -> Tensor:
        """Embeddings [n, d] of items or texts by the party's frozen public encoder."""
        if self._resources.embed is None:
            raise ProtocolError(f"party {self.name!r} has no encoder; give its PartyPlan one")
        return self._resources.embed([text.text if isinstance(text, Item) else text for text in texts])

    def fresh(self, model: training.M) -> training.M:
        """The model with all parameters drawn anew from the party's generator."""
        return training.fresh(model, self.generator)

    def train(
        self,
        model: nn.Module,
        loss: training.Loss,
        *,
        data: training.Columns,
        private: bool = True,
        **knobs: Unpack[training.TrainingKnobs],
    ) -> None:
        """Train ``model`` in place on ``data``, tensors with one row per record.

        ``loss(model, batch)`` is the mean loss of a batch of rows, or (loss, activations) for the defense's objective.
        Where the defense declares DP-SGD, that is what happens; ``private`` False: ``data`` hold nothing of the own
        records (public inputs, what others sent), so there is nothing to protect.
        """
        plan = training.plan(data, **knobs)
        dp = self.link.defense.dp() if private else None
        if dp is None:
            if private:
                self.link.defense.me.note_plain_training()
            training.train(model, loss, plan, self.generator, self.link.meter, self.link.defense if private else None)
        else:
            self._train_private(model, loss, plan, dp)

    def learner(self, modules: Sequence[nn.Module], *, lr: float) -> SplitLearner:
        """The party's share in training a model that is split between parties; the defense's modules learn with it.

        Raises:
            DefenseError: the defense declares DP-SGD, which needs the whole model's gradient by record.
        """
        if self.link.defense.dp() is not None:
            raise DefenseError("dp(): a model split between parties is not trained by DP-SGD; protect what is sent")
        self.link.defense.me.note_plain_training()
        return SplitLearner(modules, lr, self.link.meter, self.link.defense)

    def _train_private(self, model: nn.Module, loss: training.Loss, plan: training.TrainingPlan, dp: DPSGD) -> None:
        self._check_private(dp)
        me, meter = self.link.defense.me, self.link.meter
        rate, steps = training.train_private(model, loss, plan, dp, self.generator, me.noise, meter)
        me.note_training(dp, rate, steps)

    def _check_private(self, dp: DPSGD) -> None:
        if not isinstance(dp, DPSGD):
            raise DefenseError(f"dp() returned {type(dp).__name__}, it must return a DPSGD or None")
        if list(self.link.defense.modules()):
            raise DefenseError("dp() protects the scenario's model alone; a defense that declares it has no modules()")

    def gradient(
        self,
        model: nn.Module,
        loss: training.Loss,
        *,
        data: training.Columns,
        batch_size: int,
        start: int = 0,
        lr: float = 1e-3,
    ) -> dict[str, Tensor]:
        """Gradient of the mean loss of one batch of own records by every trained parameter of ``model``, by name.

        The harness takes the batch: ``batch_size`` rows of ``data`` from ``start`` on, round and round. The defense's
        objective and modules act inside (these are trained with learning rate ``lr``, by Adam). Where it declares
        DP-SGD, every record's gradient is clipped and the sum is noised. A batch is no random sample then, so that the
        ledger counts each record's own steps, at a sampling rate of 1.
        """
        columns: training.Batch = (data,) if isinstance(data, Tensor) else tuple(data)
        rows = training.window(len(columns[0]), start, batch_size)
        batch = tuple(column[rows] for column in columns)
        defense = self.link.defense
        dp = defense.dp()
        if dp is None:
            defense.me.note_plain_training()
            with self._counting(len(rows)):
                return training.gradient(model, loss, batch, defense, self._optimiser_of_modules(lr))
        self._check_private(dp)
        if dp.sample_rate is not None:
            raise DefenseError(
                "dp() names a sample_rate, but the batch of a gradient is no random sample; leave it out"
            )
        before = max(self._entered.values(), default=0)
        for row in rows.tolist():
            self._entered[row] = self._entered.get(row, 0) + 1
        if max(self._entered.values()) > before:
            defense.me.note_training(dp, 1.0, 1)
        with self._counting(len(rows)):
            return training.private_gradient(model, loss, batch, dp, defense.me.noise)

    def update(
        self,
        model: nn.Module,
        loss: training.Loss,
        *,
        data: training.Columns,
        **knobs: Unpack[training.TrainingKnobs],
    ) -> dict[str, Tensor]:
        """Train ``model`` in place as :meth:`train` does; the change of every trained parameter, by name."""
        before = {name: one.detach().clone() for name, one in training.trained(model).items()}
        self.train(model, loss, data=data, **knobs)
        return {name: one.detach() - before[name] for name, one in training.trained(model).items()}

    @contextmanager
    def _counting(self, records: int) -> Iterator[None]:
        """Count the operations of the first gradient and charge further ones by their records: the counter is slow, and
        every record costs about the same.
        """
        meter = self.link.meter
        if self._per_record is not None:
            yield
            meter.flops += round(self._per_record * records)
            return
        before = meter.flops
        with meter.counting():
            yield
        self._per_record = (meter.flops - before) / records

    def _optimiser_of_modules(self, lr: float) -> torch.optim.Optimizer | None:
        own = [p for module in self.link.defense.modules() for p in module.parameters()]
        if own and self._modules is None:
            self._modules = torch.optim.Adam(own, lr=lr)
        return self._modules

    def part(self, role: str) -> MeteredPart:
        """This party's own model part, by the role the scenario gave it."""
        parts = self._resources.parts
        if role not in parts:
            raise ProtocolError(f"party {self.name!r} has no model part {role!r}; it has {sorted(parts)}")
        return parts[role]

    def send(
        self, kind: Kind, *, round: int = 0, sensitivity: Mapping[str, Any] | None = None, **payload: Value
    ) -> Sent:
        """Send through the defense; use as ``reply = yield me.send(...)``.

        ``sensitivity`` says how much one private record changes each field: an L2 norm over the tensor, one per row
        where a record touches one row, 0 for what is public, ``"model"`` for what follows from the trained model, or a
        :class:`harness.dp.sensitivity.Bound`. A field that is not named has no known bound.
        """
        place = (max(self._session, 0), self._step, round)
        message = Message(kind, payload, *place, sensitivity=sensitivity or {})
        self._step += 1
        return self.link.send(message)

    def backward(self, sent: Sent, field: str, gradient: Tensor) -> None:
        """Send an arrived ``gradient`` of a sent field back through the defense into the party's modules."""
        live = sent.live.payload[field]
        if not isinstance(live, Tensor):
            raise ProtocolError(f"field {field!r} was not sent as a tensor, no gradient goes back through it")
        live.backward(gradient)

    def predict(self, record: str, value: Any) -> None:
        """Commit the party's final output on one record (JSON-like); utility is scored on these."""
        if record in self.predictions:
            raise ProtocolError(f"party {self.name!r} predicted record {record!r} twice")
        self.predictions[record] = value


PartyFunction = Callable[[Party], Generator[Sent, Message, None]]
