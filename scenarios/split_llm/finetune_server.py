"""The curious party of split fine-tuning: it trains the blocks after the cut by the gradients that it is sent.

It follows the protocol and keeps all that it sees: states, gradients, and in head-tail its class head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.scenario import DefenseError, Kind, Message, Net, SplitLearner
from scenarios.split_llm.finetune_parts import class_head, padded, pooled, rows_of, trainable

__all__ = ["finetune_server", "idle"]


def idle(net: Net) -> None:
    """The curious party where the private party works alone."""


def finetune_server(net: Net) -> None:
    """Train with the private party over all batches, then run its blocks on every held-out text."""
    own = _OwnSide(net)
    for _ in net.settings["batches"]:
        states, mask = _states(_heard(net, Kind.HIDDEN))
        states.requires_grad_()
        out = own(states, mask, training=True)
        _answer(net, out)
        gradient = _heard(net, Kind.GRADIENT)["hidden" if own.classes is None else "logits"]
        out.backward(gradient.float())
        assert states.grad is not None
        net.reply(Kind.GRADIENT, hidden=rows_of(states.grad, mask))
        own.learner.step()
    while (up := net.receive()) is not None:
        _answer(net, own(*_states(up), training=False))


class _OwnSide:
    """The model party's blocks, in head-tail its class head, and their optimiser."""

    def __init__(self, net: Net) -> None:
        settings, part = net.settings, net.part("body").part
        self.body = trainable(part, settings["rank"], net.generator)
        self.causal = part.causal
        self.classes: nn.Module | None = None
        if settings["topology"] == "head-tail":
            self.classes = class_head(part.hidden_size, len(settings["labels"]), net.generator)
        modules = [self.body] if self.classes is None else [self.body, self.classes]
        self.learner: SplitLearner = net.learner(modules, lr=settings["lr"])

    def __call__(self, states: Tensor, mask: Tensor, *, training: bool) -> Tensor:
        """States [n, d] before the tail, or class scores [B, C]."""
        out = self.learner.run(self.body, states, mask, training=training)
        with torch.inference_mode(not training):
            return rows_of(out, mask) if self.classes is None else self.classes(pooled(out, mask, self.causal))


def _heard(net: Net, kind: Kind) -> Message:
    up = net.receive()
    if up is None or up.kind is not kind:
        raise DefenseError(f"fine-tuning awaits a {kind} message, not {up.kind if up else 'the end'}")
    return up


def _states(up: Message) -> tuple[Tensor, Tensor]:
    """The padded states of a HIDDEN message and their mask."""
    rows = up["hidden"].float()
    given = up.payload.get("lengths")
    lengths = [x for x in given if isinstance(x, int) and x > 0] if isinstance(given, list) else []
    if lengths != given or sum(lengths) != len(rows) or not lengths:
        raise DefenseError(f"round {up.round}: lengths {given} are not those of {len(rows)} rows")
    return padded(rows, lengths)


def _answer(net: Net, out: Tensor) -> None:
    if net.settings["topology"] == "head-tail":
        net.reply(Kind.LOGITS, logits=out)
    else:
        net.reply(Kind.HIDDEN, hidden=out)
