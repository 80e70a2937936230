"""FedMD, both sides: clients of different models answer the public texts and digest the mean of all answers.

Li and Wang (2019), "FedMD: heterogenous federated learning via model distillation", algorithm 1, without its first
step (training on public labels: here the public texts have none). In each round a client sends its logits, learns the
consensus ("digest"), then trains on its own records ("revisit"); the server has no model.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.scenario import Kind, Message, Net, Party, Sent
from scenarios.logit_kd.models import SCRATCH, hashed_ids, make_model
from scenarios.logit_kd.queries import Queries, choose_queries

__all__ = ["client", "digest_loss", "idle", "private_loss", "server"]


def client(me: Party) -> Generator[Sent, Message, None]:
    """Owns labelled texts; ``alone``, it trains as often as it would in its protocol and sends nothing."""
    x, y = private_data(me)
    model = me.fresh(make_model(me.settings["model"], x.shape[1], len(me.settings["labels"])))
    train_private(me, model, x, y)
    queries = list(me.public_texts)
    shown, public = inputs(me, queries), len(queries)
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
            digest(me, model, shown[:public], reply["logits"])
            if reply["queries"]:
                queries += reply["queries"]
                shown = inputs(me, queries)
        train_private(me, model, x, y)
    predict(me, model)


def server(net: Net) -> None:
    """Averages the answers to the public texts; where it is active (``chosen``), it asks each client about more."""
    public: list[str] = list(net.settings["public_texts"])
    more = choose_queries(net, public) if net.behaviour == "chosen" else Queries(public, [""] * len(public), {})
    for round_ in range(net.rounds):
        heard = net.gather()
        consensus = torch.stack([message["logits"][: len(public)] for message in heard.values()]).mean(0)
        asked = more.texts_of if round_ == 0 else (lambda _: [])
        net.scatter(Kind.LOGITS, {name: {"logits": consensus, "queries": asked(name)} for name in heard})
    net.own["consensus"] = consensus
    net.own["queries"], net.own["query_ids"] = more.texts, more.ids


def idle(net: Net) -> None:
    """No curious party at all: of the references."""


def private_data(me: Party) -> tuple[Tensor, Tensor]:
    """Inputs and class numbers of the client's records."""
    names = {name: number for number, name in enumerate(me.settings["labels"])}
    texts = [record.text for record in me.records]
    return inputs(me, texts), torch.tensor([names[str(record.label)] for record in me.records])


def inputs(me: Party, texts: Sequence[str]) -> Tensor:
    """What the client's model takes: embeddings, or word numbers for a model from scratch."""
    if me.settings["model"] == SCRATCH:
        return hashed_ids(texts, me.settings["max_tokens"])
    return me.embed(list(texts))


def private_loss(model: Callable[[Tensor], Tensor], batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Cross-entropy, and the logits for a defense's objective."""
    x, y = batch
    logits = model(x)
    return torch.nn.functional.cross_entropy(logits, y), logits


def digest_loss(model: Callable[[Tensor], Tensor], batch: tuple[Tensor, ...], kind: str, temperature: float) -> Tensor:
    """Distance of the own answers to the consensus: mean absolute error of logits (FedMD), or Kullback-Leibler
    divergence of tempered softmax, times the temperature squared (Hinton et al. 2015, section 2)."""
    x, wanted = batch
    logits = model(x)
    if kind == "mae":
        return (logits - wanted).abs().mean()
    mine, theirs = (logits / temperature).log_softmax(-1), (wanted / temperature).log_softmax(-1)
    return torch.nn.functional.kl_div(mine, theirs, reduction="batchmean", log_target=True) * temperature**2


def train_private(me: Party, model: nn.Module, x: Tensor, y: Tensor) -> None:
    """``epochs`` on the client's own records."""
    knobs = {name: me.settings[name] for name in ("epochs", "batch_size", "lr")}
    me.train(model, private_loss, data=(x, y), **knobs)


def digest(me: Party, model: nn.Module, x: Tensor, wanted: Tensor) -> None:
    """``digest_epochs`` on public texts towards logits ``wanted``; nothing of it is private."""
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


def predict(me: Party, model: nn.Module) -> None:
    """Label every held-out text of this client with its own model."""
    if not me.items:
        return
    with torch.no_grad():
        chosen = model(inputs(me, [item.text for item in me.items])).argmax(1).tolist()
    for item, number in zip(me.items, chosen, strict=True):
        me.predict(item.id, {"label": me.settings["labels"][number]})
