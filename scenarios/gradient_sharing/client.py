"""The private parties of gradient sharing: clients that compute gradients or train locally on their own texts.

FedSGD and FedAvg: McMahan et al. (2017), algorithm 1. FedProx: Li et al. (2020), algorithm 2.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Kind, Learner, Message, Party, Sent
from scenarios.gradient_sharing.model import inputs, make_learner

__all__ = ["client"]

TOGETHER = 32
"""Held-out texts in one forward pass."""


def client(me: Party) -> Generator[Sent, Message, None]:
    """Send what the round's records say about the global model, take the new one; label held-out texts in the end.

    The client of both references, too: ``alone``, it makes as many steps on its own records and sends nothing.
    """
    learner = make_learner(me.part("model").part, _chosen(me))
    ids, mask = inputs([record.text for record in me.records], me.tokenizer, me.settings)
    data = (ids, mask, _labels(me))
    if me.settings["alone"]:
        _train_alone(me, learner, data)
    else:
        for round_ in range(me.settings["rounds"]):
            kind, payload = _payload(me, learner, data, round_)
            reply = yield me.send(kind, round=round_, sensitivity=dict.fromkeys(payload, "model"), **payload)
            learner.load(reply.payload)
    _predict(me, learner)


def _chosen(me: Party) -> dict[str, Any]:
    """The party's settings, with embeddings frozen where it wants them so."""
    settings = dict(me.settings)
    if settings["embeddings"] == "frozen":
        trained = [group for group in settings["learner"]["trained"] if group != "embeddings"]
        settings["learner"] = {**settings["learner"], "trained": trained}
    return settings


def _labels(me: Party) -> Tensor:
    names = {name: number for number, name in enumerate(me.settings["labels"])}
    return torch.tensor([names[str(record.label)] for record in me.records])


def _payload(
    me: Party, learner: Learner, data: tuple[Tensor, Tensor, Tensor], round_: int
) -> tuple[Kind, dict[str, Tensor]]:
    """Kind and tensors of one round's message, under the names of the trained parameters."""
    settings: Any = me.settings
    start = round_ * settings["stride"]
    # Where few membership candidates are in, a client may hold less than one round's records.
    size = min(settings["batch_size"] * settings["batches"], len(data[0]))
    if settings["method"] == "fedsgd":
        sent = me.gradient(learner, _loss, data=data, batch_size=size, start=start, lr=settings["lr"])
    else:
        rows = (start + torch.arange(size)) % len(data[0])
        sent = _local_update(me, learner, tuple(column[rows] for column in data))
    kind = Kind.GRADIENT if settings["method"] == "fedsgd" else Kind.PARAMETERS
    half = settings["precision"] == "bf16"
    return kind, {name: value.to(torch.bfloat16) if half else value for name, value in sent.items()}


def _local_update(me: Party, learner: Learner, data: tuple[Tensor, ...]) -> dict[str, Tensor]:
    settings: Any = me.settings
    weight, start = settings["proximal"], learner.state() if settings["proximal"] else {}

    def loss(model: Learner, batch: tuple[Tensor, ...]) -> Tensor:
        value = model.loss(batch)
        if weight:
            moved = [(one - start[name]).square().sum() for name, one in model.named_trained().items()]
            value = value + weight / 2 * torch.stack(moved).sum()
        return value

    knobs: dict[str, Any] = {name: settings[name] for name in ("epochs", "batch_size", "lr", "optimiser")}
    return me.update(learner, loss, data=data, **knobs)


def _loss(model: Learner, batch: tuple[Tensor, ...]) -> Tensor:
    return model.loss(batch)


def _train_alone(me: Party, learner: Learner, data: tuple[Tensor, ...]) -> None:
    """As many records as in all rounds, in batches of the same size."""
    settings: Any = me.settings
    passes = settings["rounds"] * settings["batch_size"] * settings["batches"] * settings["epochs"] / len(data[0])
    sgd = settings["method"] == "fedsgd"
    me.train(
        learner,
        _loss,
        data=data,
        epochs=passes,
        batch_size=settings["batch_size"],
        lr=settings["server_lr"] if sgd else settings["lr"],
        optimiser=settings["server_optimiser"] if sgd else settings["optimiser"],
    )


@torch.no_grad()
def _predict(me: Party, learner: Learner) -> None:
    """Label every held-out text, or say which tokens the model finds likeliest in it."""
    if learner.classifier is None:
        for item in me.items:
            ids, mask = inputs([item.text], me.tokenizer, me.settings)
            length = int(mask.sum())
            choices = learner(ids[:, :length], mask[:, :length])[0, :-1].argmax(-1)
            me.predict(item.id, {"choices": choices.tolist()})
        return
    for start in range(0, len(me.items), TOGETHER):
        some = me.items[start : start + TOGETHER]
        ids, mask = inputs([item.text for item in some], me.tokenizer, me.settings)
        length = int(mask.sum(1).max())
        chosen = learner(ids[:, :length], mask[:, :length]).argmax(1).tolist()
        for item, number in zip(some, chosen, strict=True):
            me.predict(item.id, {"label": me.settings["labels"][number]})
