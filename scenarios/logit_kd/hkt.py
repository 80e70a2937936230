"""FedHKT-style knowledge transfer: parameter averages inside groups of similar clients, logits between edges and cloud.

After Deng, Ren, Tang et al. (2023), "A hierarchical knowledge transfer framework for heterogeneous federated learning"
(INFOCOM). The paper's equations are only partly public: this is a reconstruction. Groups are formed at enrolment, from
the true label shares; each client's message of its label counts, which its edge adds up for the server, is what the
protocol shows of it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.scenario import Kind, Message, Net, Party, Sent, numpy_generator
from scenarios.logit_kd.ensemble import by_class, by_confidence, selected
from scenarios.logit_kd.models import load_state, make_model, state
from scenarios.logit_kd.protocol import digest, digest_loss, inputs, predict, private_data, train_private

if TYPE_CHECKING:
    from scenarios.logit_kd.settings import Settings
    from scenarios.population import Population

__all__ = ["client", "groups", "server"]


def groups(
    settings: Settings, population: Population, labels: Sequence[str], axes: tuple[str | int, ...]
) -> dict[str, list[str]]:
    """Edge -> its clients: k-means on label shares; an edge left without clients is not there.

    Edges are numbered by how many clients they have beside the curious one, so that ``edge0`` always has victims.
    """
    import numpy as np
    from sklearn.cluster import KMeans

    from scenarios.population import CURIOUS

    names = sorted(population.counts, key=lambda name: int(name.removeprefix("client")))
    counts = np.array([[population.counts[name].get(label, 0) for label in labels] for name in names], dtype=float)
    seed = int(numpy_generator("groups", *axes).integers(2**31))
    found = KMeans(settings.edges, n_init=4, random_state=seed).fit_predict(counts / counts.sum(1, keepdims=True))
    made: dict[int, list[str]] = {}
    for name, group in zip(names, found.tolist(), strict=True):
        made.setdefault(group, []).append(name)
    ordered = sorted(made.values(), key=lambda members: len(set(members) - {CURIOUS}), reverse=True)
    return {f"edge{number}": members for number, members in enumerate(ordered)}


def client(me: Party) -> Generator[Sent, Message, None]:
    """Trains its group's model on its own records and sends the parameters; learns what the cloud selected."""
    x, y = private_data(me)
    model = make_model(me.settings["model"], x.shape[1], len(me.settings["labels"]))
    public = inputs(me, me.public_texts)
    counts = torch.bincount(y, minlength=len(me.settings["labels"])).float()
    reply = yield me.send(Kind.CONTROL, sensitivity={"counts": 1.0}, counts=counts)
    round_ = 0
    while reply["more"]:
        load_state(model, dict(reply.payload))
        _learn(me, model, public, reply)
        train_private(me, model, x, y)
        bounds: dict[str, Any] = dict.fromkeys(state(model), "model") | {"records": 1.0}
        sent = me.send(Kind.PARAMETERS, round=round_, sensitivity=bounds, records=len(x), **state(model))
        reply = yield sent
        round_ += 1
    load_state(model, dict(reply.payload))
    train_private(me, model, x, y)
    _learn(me, model, public, reply)
    predict(me, model)


def server(net: Net) -> None:
    """All curious parties: the edges, which average parameters, and the cloud, which sees edges' logits alone."""
    hall = _Hall(net)
    heard = net.gather()
    for edge, members in hall.groups.items():
        total = torch.stack([heard[name]["counts"] for name in members]).sum(0)
        net.relay(edge, "server", Kind.CONTROL, counts=total, clients=len(members))
    hall.answer(more=True)
    for round_ in range(net.rounds):
        for inner in range(net.settings["inner_rounds"]):
            hall.average(net.gather())
            last = inner == net.settings["inner_rounds"] - 1
            if last:
                hall.transfer(round_)
            hall.answer(more=not (last and round_ == net.rounds - 1), knowledge=last)
    # What is kept is the cloud's: an edge has its clients' parameters from their messages.
    net.own["consensus"], net.own["selected"] = hall.logits, hall.mask.float()


class _Hall:
    """The models of edges and cloud, and what they last agreed on."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.groups: Mapping[str, Sequence[str]] = net.settings["groups"]
        self.x = net.embed(net.settings["public_texts"])
        classes = len(net.settings["labels"])
        kinds = {edge: net.settings["models"][members[0]] for edge, members in self.groups.items()}
        self.models = {edge: net.fresh(make_model(kind, self.x.shape[1], classes)) for edge, kind in kinds.items()}
        self.cloud: nn.Module = net.fresh(make_model("mlp", self.x.shape[1], classes, net.settings["server_width"]))
        self.logits = torch.zeros(len(self.x), classes)
        self.mask = torch.zeros(len(self.x), dtype=torch.bool)

    def average(self, heard: Mapping[str, Message]) -> None:
        """Each edge's model becomes the mean of its clients', weighted by their records (McMahan et al. 2017)."""
        for edge, members in self.groups.items():
            sizes = torch.tensor([float(heard[name]["records"]) for name in members])
            shares = sizes / sizes.sum()
            means = {
                name: sum(share * heard[member][name] for share, member in zip(shares, members, strict=True))
                for name in state(self.models[edge])
            }
            load_state(self.models[edge], means)

    @torch.no_grad()
    def _answers(self, model: nn.Module) -> Tensor:
        answers: Tensor = model(self.x)
        return answers

    def transfer(self, round_: int) -> None:
        """Edges' logits up, ensemble, selection, distillation to the cloud's model; its logits down."""
        settings = self.net.settings
        sent = {edge: self._answers(model) for edge, model in self.models.items()}
        for edge, logits in sent.items():
            index = list(range(len(logits)))
            self.net.relay(edge, "server", Kind.LOGITS, round=round_, logits=logits, index=index)
        stacked = torch.stack(list(sent.values()))
        temperature = settings["temperature"]
        ensemble = by_class(stacked) if settings["ensemble"] == "class" else by_confidence(stacked, temperature)
        kept = torch.ones_like(self.mask) if round_ == 0 else self.mask
        kept = selected(ensemble, self._answers(self.cloud), settings["threshold"]) if round_ else kept
        if kept.any():
            self.net.train(
                self.cloud,
                partial(digest_loss, kind="kl", temperature=temperature),
                data=(self.x[kept], ensemble[kept]),
                epochs=4 * settings["digest_epochs"],
                batch_size=settings["batch_size"],
                lr=settings["digest_lr"],
            )
        self.logits = self._answers(self.cloud)
        self.mask = selected(ensemble, self.logits, settings["threshold"])
        for edge in self.groups:
            known = {"logits": self.logits, "selected": self.mask.float()}
            self.net.relay("server", edge, Kind.LOGITS, round=round_, **known)

    def answer(self, *, more: bool, knowledge: bool = False) -> None:
        """Every client gets its edge's parameters, at the end of a round with the cloud's knowledge."""
        rows = slice(None) if knowledge else slice(0)
        known = {"logits": self.logits[rows], "selected": self.mask[rows].float()}
        payloads = {
            member: {**state(self.models[edge]), **known, "more": more}
            for edge, members in self.groups.items()
            for member in members
        }
        self.net.scatter(Kind.PARAMETERS, payloads)


def _learn(me: Party, model: nn.Module, public: Tensor, reply: Message) -> None:
    """Digest the selected public texts, if the reply brought knowledge."""
    if len(reply["logits"]):
        kept = reply["selected"] > 0
        digest(me, model, public[kept], reply["logits"][kept])
