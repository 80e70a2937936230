"""The private parties of FedProto and FedTGP: clients with a small model on a frozen public encoder.

In a round every client trains its small model on cross-entropy plus a pull of its features towards the global
prototypes of their classes, sends the class means of its features, and gets new global prototypes. Predictions are the
class of the nearest global prototype (Tan et al. 2022, section 4.3; Zhang et al. 2024, section 3.2).
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Bound, Kind, Message, Party, Sent
from scenarios.prototype_sharing.fedproto import Prototypes, class_means, nearest
from scenarios.prototype_sharing.model import Model, make_model

__all__ = ["client", "local_loss"]


def client(me: Party) -> Generator[Sent, Message, None]:
    """Train, send the class means of the features, learn the global prototypes; ``alone``, ignore what comes back."""
    names = {name: number for number, name in enumerate(me.settings["labels"])}
    x, y = me.embed(me.records), torch.tensor([names[str(r.label)] for r in me.records])
    model = make_model(me.settings, x.shape[1], me.fresh)
    shared = Prototypes([], torch.zeros(0, model.width))
    for round_ in range(me.settings["rounds"]):
        _train(me, model, x, y, shared)
        with torch.no_grad():
            own = class_means(model.features(x), y)
        payload = _payload(own, me.settings["send_counts"])
        reply = yield me.send(Kind.PROTOTYPE, round=round_, sensitivity=_bounds(own, model), **payload)
        if not me.settings["alone"]:
            shared = Prototypes(list(reply["classes"]), reply["means"])
    me.own |= {f"model.{name}": value.detach().clone() for name, value in model.state_dict().items()}
    _predict(me, model, shared)


def local_loss(model: Any, batch: tuple[Tensor, ...], pull: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy, and ``pull`` times the squared distance of features to their class's global prototype.

    ``batch``: embeddings, classes, prototypes ``[b, K]``, and 1 where there is one. The second value is the features,
    for a defense's objective. (Tan et al. 2022, equation 7; their mean over K coordinates makes lambda K times pull.)
    """
    x, y, targets, known = batch
    features, logits = model(x)
    away = (features - targets).square().sum(1) * known
    return torch.nn.functional.cross_entropy(logits, y) + pull * away.mean(), features


def _train(me: Party, model: Model, x: Tensor, y: Tensor, shared: Prototypes) -> None:
    table, known = torch.zeros(len(me.settings["labels"]), model.width), torch.zeros(len(me.settings["labels"]))
    table[shared.classes], known[shared.classes] = shared.means, 1.0
    me.train(
        model,
        partial(local_loss, pull=me.settings["pull"]),
        data=(x, y, table[y], known[y]),
        epochs=me.settings["epochs"],
        batch_size=me.settings["batch_size"],
        lr=me.settings["lr"],
    )


def _payload(own: Prototypes, counts: bool) -> dict[str, Any]:
    payload: dict[str, Any] = {"classes": own.classes, "means": own.means}
    return payload | ({"counts": own.counts} if counts else {})


def _bounds(own: Prototypes, model: Model) -> dict[str, float | Bound]:
    """Bounds on the change of each field by one record, given the class counts.

    It moves the mean of n vectors of norm 1 by at most 2 / n, and so does another one of its class in its place;
    through a trained model it may move every mean, each by at most 2. The set of classes has no bound.
    """
    assert own.counts is not None
    means = 2 / own.counts if model.kind == "frozen" else 2.0 * len(own.classes) ** 0.5
    return {"means": Bound(means, replace=means), "counts": 1.0}


def _predict(me: Party, model: Model, shared: Prototypes) -> None:
    """Label the held-out texts by the nearest global prototype; alone, by the own classifier."""
    if not me.items:
        return
    with torch.no_grad():
        features, logits = model(me.embed(me.items))
    classes = logits.argmax(1).tolist() if me.settings["alone"] else nearest(features, shared)
    for item, number in zip(me.items, classes, strict=True):
        me.predict(item.id, {"label": me.settings["labels"][number]})
