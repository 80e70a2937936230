"""A toy protocol with several private parties: each sends the mean embedding of every class, the server averages.

Each party holds labelled records; rounds repeat with a head that is trained locally towards the shared means.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from harness.attack import Candidate, Public
from harness.data.record import Item, Record, content_hash
from harness.models.refs import Encoder, PartRef
from harness.protocol.net import Net
from harness.protocol.party import Party, Sent
from harness.scenario.deployment import Deployment, PartyPlan
from harness.scenario.tasks import Classification
from harness.scenario.toy import toy_model, toy_records
from harness.wire.coalition import SERVER, Coalition
from harness.wire.facts import PopulationFacts, PrototypeFacts
from harness.wire.message import Kind, Message

LABELS = ("bank", "friend")
FUNCTION = "tests.stand_ins.toy_protocol:client"


def class_means(x: Tensor, labels: list[str]) -> tuple[Tensor, list[int]]:
    """Mean embedding [K, d] and count of each class; zero where there is no record."""
    masks = [torch.tensor([label == c for label in labels], dtype=torch.bool) for c in LABELS]
    means = torch.stack([x[m].mean(0) if m.any() else torch.zeros(x.shape[1]) for m in masks])
    return means, [int(m.sum()) for m in masks]


def client(me: Party) -> Generator[Sent, Message, None]:
    x = me.embed(me.records)
    y = torch.tensor([LABELS.index(str(r.label)) for r in me.records])
    model = me.fresh(nn.Linear(x.shape[1], len(LABELS)))
    shared = torch.zeros(len(LABELS), x.shape[1])
    for round in range(me.settings["rounds"]):
        me.train(model, _loss, data=(x, y), epochs=1, batch_size=4, lr=0.01)
        means, counts = class_means(x, [str(r.label) for r in me.records])
        # Embeddings have norm 1: a mean over n of them moves by at most 2 / n when one comes or goes.
        bounds = {"means": 2 / torch.tensor(counts).clamp_min(1)}
        tensors = {"means": means, "counts": torch.tensor(counts)}
        reply = yield me.send(Kind.PROTOTYPE, round=round, sensitivity=bounds, **tensors)
        shared = means if me.settings["alone"] else reply["means"]
    me.own["weight"] = model.weight.detach().clone()
    for item, row in zip(me.items, me.embed(me.items) if me.items else (), strict=True):
        me.predict(item.id, {"label": LABELS[int((shared @ row).argmax())]})


def _loss(model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    logits = model(batch[0])
    return nn.functional.cross_entropy(logits, batch[1]), logits


def server(net: Net) -> None:
    """Averages what was sent, weighted by counts; predicts the public texts itself."""
    how: Literal["sum"] | None = "sum" if net.settings["secure"] else None
    for _ in range(net.rounds):
        up = net.gather(reduce=how)
        weights = torch.stack([m["counts"].float() for m in up.values()])
        total = sum(m["means"] * (1.0 if how else m["counts"].float()[:, None]) for m in up.values())
        means = total / (len(net.parties) if how else weights.sum(0).clamp_min(1)[:, None])
        net.scatter_all(Kind.PROTOTYPE, means=means)
    net.own["means"] = means
    texts = net.settings["public"]
    for name, row in zip(texts, net.embed(list(texts.values())), strict=True):
        net.predict(name, {"label": LABELS[int((means @ row).argmax())]})


def deployment(
    folder: str, *, clients: int = 3, rounds: int = 2, per_client: int = 6, secure: bool = False, seed: int = 0
) -> Deployment:
    """Clients on toy records; the first two records of each are candidates' places (one in, one out)."""
    rng = np.random.default_rng(seed)
    pool = [toy_records()[i] for i in rng.permutation(len(toy_records()))]
    private, rest = pool[: clients * (per_client + 1)], pool[clients * (per_client + 1) :]
    test, auxiliary = rest[:6], tuple(rest[6:])
    candidates: list[Candidate] = []
    members: dict[str, bool] = {}
    for k in range(clients):
        some = private[k * (per_client + 1) : k * (per_client + 1) + 2]
        candidates += [Candidate(f"c{k}.{j}", r.text, r.label, f"client{k}", canary=j == 0) for j, r in enumerate(some)]
        members |= {f"c{k}.0": True, f"c{k}.1": False}
    plain = {f"client{k}": private[k * (per_client + 1) + 2 : (k + 1) * (per_client + 1)] for k in range(clients)}
    deployed = Deployment(
        function=FUNCTION,
        curious=server,
        parties={},
        public=Public(auxiliary=auxiliary, facts=(PopulationFacts(labels=LABELS), PrototypeFacts(rounds=rounds))),
        secrets={},
        tasks=(Classification({f"t{i}": str(r.label) for i, r in enumerate(test)}),),
        model_id="toy",
        data_id=content_hash(private),
        settings={"rounds": rounds, "secure": secure, "public": {f"t{i}": r.text for i, r in enumerate(test)}},
        encoder=Encoder(PartRef(str(toy_model(folder)), 0, None), 12),
        coalitions={
            "server": Coalition("server", sees_server=True),
            "client0": Coalition("client0", frozenset({"client0"})),
        },
        candidates=tuple(candidates),
        knockout="rows",
    )
    deployed = _filled(deployed, plain, members)

    def redraw(rng: np.random.Generator, members: Mapping[str, bool]) -> Deployment:
        drawn = [auxiliary[i] for i in rng.permutation(len(auxiliary))]
        size = per_client - 1
        others = {f"client{k}": [drawn[(k * size + j) % len(drawn)] for j in range(size)] for k in range(clients)}
        return _filled(deployed, others, members)

    return replace(deployed, redraw=redraw)


def _filled(deployed: Deployment, others: Mapping[str, list[Record]], members: Mapping[str, bool]) -> Deployment:
    """The deployment with these records in each party, beside the candidates that are in."""
    parties = {}
    for name, records in others.items():
        inside = [Item(c.id, c.text, c.label) for c in deployed.candidates if c.party == name and members[c.id]]
        plain = [Item(f"{name}.{i}", r.text, r.label) for i, r in enumerate(records)]
        settings: dict[str, Any] = {"rounds": deployed.settings["rounds"], "alone": False}
        parties[name] = PartyPlan(
            items=(Item(f"{name}.in", f"Meet {name} in Oslo"),),
            parts={},
            settings=settings,
            public_texts=(),
            seed=("defense", "pooling"),
            records=(*inside, *plain),
            encoder=deployed.encoder,
        )
    counts = {n: [sum(r.label == c for r in p.records) for c in LABELS] for n, p in parties.items()}
    return replace(deployed, parties=parties, truth={"counts": counts})


__all__ = ["LABELS", "SERVER", "class_means", "client", "deployment", "server"]
