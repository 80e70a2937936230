"""The private parties: clients with labelled texts and a model of their own, in FedMD and in FedHKT.

Both train on their own records, learn from what others know about the public texts ("digest") and label their
held-out texts with their own model.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.scenario import Kind, Message, Party, Sent
from scenarios.logit_kd.fedmd import digest_loss, private_loss
from scenarios.logit_kd.models import SCRATCH, hashed_ids, load_state, make_model, state

__all__ = ["fedhkt_client", "fedmd_client"]


def fedmd_client(me: Party) -> Generator[Sent, Message, None]:
    """Answer the public texts, digest the mean of all answers, train again.

    The client of both references, too: ``alone``, it trains as often as in its protocol and sends nothing.
    """
    x, y = _private_data(me)
    model = me.fresh(make_model(me.settings["model"], x.shape[1], len(me.settings["labels"])))
    _train(me, model, x, y)
    queries = list(me.public_texts)
    shown, public = _inputs(me, queries), len(queries)
    for round_ in range(me.settings["trainings"] - 1):
        if not me.settings["alone"]:
            with torch.no_grad():
                logits = model(shown)
            reply = yield me.send(
                Kind.LOGITS,
                round=round_,
                sensitivity={"logits": "model", "index": 0.0},
                logits=logits,
                index=list(range(len(shown))),
            )
            # As many as there are public texts, of all that were answered: no answer is without use (Li and Wang 2019,
            # algorithm 1, draw a part of their public data in every round, too).
            rows = torch.randperm(len(shown), generator=me.generator)[:public].sort().values
            _digest(me, model, shown[rows], reply["logits"][rows])
            if reply["queries"]:
                queries += reply["queries"]
                shown = _inputs(me, queries)
        _train(me, model, x, y, None if me.settings["alone"] else me.settings["revisit"])
    _predict(me, model)


def fedhkt_client(me: Party) -> Generator[Sent, Message, None]:
    """Train the group's model on the own records and send its parameters; digest what the cloud selected."""
    x, y = _private_data(me)
    model = make_model(me.settings["model"], x.shape[1], len(me.settings["labels"]))
    public = _inputs(me, me.public_texts)
    counts = torch.bincount(y, minlength=len(me.settings["labels"])).float()
    reply = yield me.send(Kind.CONTROL, sensitivity={"counts": 1.0}, counts=counts)
    round_ = 0
    while reply["more"]:
        load_state(model, dict(reply.payload))
        _digest_selected(me, model, public, reply)
        _train(me, model, x, y)
        bounds: dict[str, Any] = dict.fromkeys(state(model), "model") | {"records": 1.0}
        reply = yield me.send(Kind.PARAMETERS, round=round_, sensitivity=bounds, records=len(x), **state(model))
        round_ += 1
    load_state(model, dict(reply.payload))
    _train(me, model, x, y)
    _digest_selected(me, model, public, reply)
    _predict(me, model)


def _private_data(me: Party) -> tuple[Tensor, Tensor]:
    """Inputs and class numbers of the client's records."""
    names = {name: number for number, name in enumerate(me.settings["labels"])}
    texts = [record.text for record in me.records]
    return _inputs(me, texts), torch.tensor([names[str(record.label)] for record in me.records])


def _inputs(me: Party, texts: Sequence[str]) -> Tensor:
    """Inputs of the client's model: embeddings, or word numbers for a model from scratch."""
    if me.settings["model"] == SCRATCH:
        return hashed_ids(texts, me.settings["max_tokens"])
    return me.embed(list(texts))


def _train(me: Party, model: nn.Module, x: Tensor, y: Tensor, epochs: float | None = None) -> None:
    """Train on the client's own records, ``epochs`` or as many as the setting of that name says."""
    epochs = me.settings["epochs"] if epochs is None else epochs
    if epochs:
        knobs: dict[str, Any] = {name: me.settings[name] for name in ("batch_size", "lr")}
        me.train(model, private_loss, data=(x, y), epochs=epochs, **knobs)


def _digest(me: Party, model: nn.Module, x: Tensor, wanted: Tensor) -> None:
    """Train ``digest_epochs`` on public texts towards logits ``wanted``; nothing of it is private."""
    settings: Any = me.settings
    if not settings["digest_epochs"] or not len(x):
        return
    me.train(
        model,
        partial(digest_loss, kind=settings["digest"], temperature=settings["temperature"]),
        data=(x, wanted),
        epochs=settings["digest_epochs"],
        batch_size=settings["batch_size"],
        lr=settings["digest_lr"],
        private=False,
    )


def _digest_selected(me: Party, model: nn.Module, public: Tensor, reply: Message) -> None:
    """Digest the selected public texts, if the reply brought knowledge."""
    if len(reply["logits"]):
        selected = reply["selected"] > 0
        _digest(me, model, public[selected], reply["logits"][selected])


def _predict(me: Party, model: nn.Module) -> None:
    """Label every held-out text of this client with its own model."""
    if not me.items:
        return
    with torch.no_grad():
        classes = model(_inputs(me, [item.text for item in me.items])).argmax(1).tolist()
    for item, number in zip(me.items, classes, strict=True):
        me.predict(item.id, {"label": me.settings["labels"][number]})
