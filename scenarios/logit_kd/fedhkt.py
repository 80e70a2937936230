"""FedHKT-style knowledge transfer: parameter averages inside groups of similar clients, logits between edges and cloud.

After Deng, Ren, Tang et al. (2023), "A hierarchical knowledge transfer framework for heterogeneous federated learning"
(INFOCOM). The paper's equations are only partly public: both weightings of the ensemble, by class and by confidence,
are reconstructions from the abstract and from later descriptions. Groups are formed at enrolment, from the true label
shares; each client's message of its label counts, which its edge adds up for the server, is what the protocol shows of
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from harness.scenario import Kind, Message, Net, numpy_generator
from scenarios.logit_kd.fedmd import digest_loss
from scenarios.logit_kd.models import load_state, make_model, state

if TYPE_CHECKING:
    from scenarios.common.population import Population
    from scenarios.logit_kd.settings import Settings

__all__ = ["Hierarchy", "by_class", "by_confidence", "groups_of", "selected"]


def groups_of(
    settings: Settings, population: Population, labels: Sequence[str], axes: tuple[str | int, ...]
) -> dict[str, list[str]]:
    """Edge -> its clients: k-means on label shares; an edge left without clients is not there.

    Edges are numbered by how many clients they have beside the curious one, so that ``edge0`` always has victims.
    """
    import numpy as np
    from sklearn.cluster import KMeans

    from scenarios.common.population import CURIOUS

    names = sorted(population.counts, key=lambda name: int(name.removeprefix("client")))
    counts = np.array([[population.counts[name].get(label, 0) for label in labels] for name in names], dtype=float)
    seed = int(numpy_generator("groups", *axes).integers(2**31))
    clusters = KMeans(settings.edges, n_init=4, random_state=seed).fit_predict(counts / counts.sum(1, keepdims=True))
    members_of: dict[int, list[str]] = {}
    for name, cluster in zip(names, clusters.tolist(), strict=True):
        members_of.setdefault(cluster, []).append(name)
    ordered = sorted(members_of.values(), key=lambda members: len(set(members) - {CURIOUS}), reverse=True)
    return {f"edge{number}": members for number, members in enumerate(ordered)}


def by_class(logits: Tensor) -> Tensor:
    """Class-wise weighted mean ``[N, C]`` of edges' logits ``[E, N, C]``.

    For each class an edge weighs by the softmax over edges of its mean confidence in texts that it gives that class
    (0 where it gives none).
    """
    probabilities = logits.softmax(-1)
    best, choice = probabilities.max(-1)
    given = torch.nn.functional.one_hot(choice, logits.shape[-1]).to(best)
    scores = (best[..., None] * given).sum(1) / given.sum(1).clamp_min(1)
    return (scores.softmax(0)[:, None] * logits).sum(0)


def by_confidence(logits: Tensor, temperature: float) -> Tensor:
    """Mean ``[N, C]`` of edges' logits ``[E, N, C]``, each text's weights the softmax over edges of minus the entropy
    of its answer, divided by the temperature.
    """
    log_p = logits.log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    weights = (-entropy / temperature).softmax(0)
    return (weights[..., None] * logits).sum(0)


def selected(ensemble: Tensor, server: Tensor, threshold: float) -> Tensor:
    """Mask ``[N]`` of texts with knowledge: the ensemble is confident, and the server agrees or is not confident."""
    sure, choice = ensemble.softmax(-1).max(-1)
    server_sure, server_choice = server.softmax(-1).max(-1)
    return (sure >= threshold) & ((choice == server_choice) | (server_sure < threshold))


class Hierarchy:
    """The models of edges and cloud, and the knowledge that the cloud last sent down."""

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
        """Make each edge's model the mean of its clients', weighted by their records (McMahan et al. 2017)."""
        for edge, members in self.groups.items():
            sizes = torch.tensor([float(heard[name]["records"]) for name in members])
            shares = sizes / sizes.sum()
            means = {
                name: sum(share * heard[member][name] for share, member in zip(shares, members, strict=True))
                for name in state(self.models[edge])
            }
            load_state(self.models[edge], means)

    def transfer(self, round_: int) -> None:
        """Send edges' logits up; ensemble, select and distil to the cloud's model; send its logits down."""
        settings = self.net.settings
        sent = {edge: self._answers(model) for edge, model in self.models.items()}
        for edge, logits in sent.items():
            index = list(range(len(logits)))
            self.net.relay(edge, "server", Kind.LOGITS, round=round_, logits=logits, index=index)
        stacked = torch.stack(list(sent.values()))
        temperature = settings["temperature"]
        ensemble = by_class(stacked) if settings["ensemble"] == "class" else by_confidence(stacked, temperature)
        taught = torch.ones_like(self.mask)
        if round_:
            taught = selected(ensemble, self._answers(self.cloud), settings["threshold"])
        if taught.any():
            self.net.train(
                self.cloud,
                partial(digest_loss, kind="kl", temperature=temperature),
                data=(self.x[taught], ensemble[taught]),
                epochs=4 * settings["digest_epochs"],
                batch_size=settings["batch_size"],
                lr=settings["digest_lr"],
            )
        self.logits = self._answers(self.cloud)
        self.mask = selected(ensemble, self.logits, settings["threshold"])
        for edge in self.groups:
            knowledge = {"logits": self.logits, "selected": self.mask.float()}
            self.net.relay("server", edge, Kind.LOGITS, round=round_, **knowledge)

    def answer(self, *, more: bool, knowledge: bool = False) -> None:
        """Send every client its edge's parameters and, at the end of a round, the cloud's ``knowledge``."""
        rows = slice(None) if knowledge else slice(0)
        known = {"logits": self.logits[rows], "selected": self.mask[rows].float()}
        payloads = {
            member: {**state(self.models[edge]), **known, "more": more}
            for edge, members in self.groups.items()
            for member in members
        }
        self.net.scatter(Kind.PARAMETERS, payloads)

    @torch.no_grad()
    def _answers(self, model: nn.Module) -> Tensor:
        answers: Tensor = model(self.x)
        return answers
