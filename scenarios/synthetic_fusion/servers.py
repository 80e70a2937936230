"""The curious server: fuses texts (FuseGen), or lets private votes steer its own public generators (Aug-PE, WASP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from harness.scenario import Floats, Kind, Net, ProtocolError
from scenarios.synthetic_fusion.boosting import boosted
from scenarios.synthetic_fusion.evolution import Evolution
from scenarios.synthetic_fusion.heads import fit_head
from scenarios.synthetic_fusion.selection import feedback
from scenarios.synthetic_fusion.voting import best_of_each

__all__ = ["PROBES", "READER", "Fused", "aug_pe", "finish", "fusegen", "idle", "samples", "wasp"]

READER = "reader"
"""Who reads the released synthetic texts: the public."""
PROBES = "probes"
"""Behaviour of a server that puts the candidates among the texts to be voted on."""


@dataclass
class Fused:
    """Synthetic texts with labels and the generators that wrote them."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)

    def add(self, texts: Sequence[str], labels: Sequence[int], owner: str, classes: Sequence[str]) -> None:
        """Append texts with their class numbers; blank ones and unknown classes are left out.

        Raises:
            ProtocolError: not as many labels as texts.
        """
        if len(texts) != len(labels):
            raise ProtocolError(f"{owner} sent {len(texts)} texts with {len(labels)} labels")
        for text, label in zip(texts, labels, strict=True):
            if text.strip() and 0 <= label < len(classes):
                self.texts.append(text)
                self.labels.append(classes[label])
                self.owners.append(owner)

    def with_more(self, more: tuple[list[str], list[str], list[str]]) -> Fused:
        """These texts and others after them."""
        return Fused(self.texts + more[0], self.labels + more[1], self.owners + more[2])

    def rows(self, index: Sequence[int]) -> Fused:
        """The texts at ``index``."""
        parts = (self.texts, self.labels, self.owners)
        return Fused(*([part[i] for i in index] for part in parts))


def fusegen(net: Net) -> None:
    """FuseGen's server: gathers texts, shows the chosen ones to every generator, fits the weighted task model."""
    classes, fused = sorted(net.settings["prefixes"]), Fused()
    for round in range(net.rounds):
        for name, message in net.gather().items():
            fused.add(message["texts"], message["labels"], name, classes)
        shown = samples(net, fused) if round < net.rounds - 1 else Fused()
        net.scatter_all(Kind.SYNTHETIC_TEXT, texts=shown.texts, labels=shown.labels)
    finish(net, fused, net.settings["boosting"])


def samples(net: Net, fused: Fused) -> Fused:
    """FuseGen's in-context samples for the next round, out of all texts so far; none where the setting says so."""
    s = net.settings
    if not s["shots"] or not fused.texts:
        return Fused()
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=net.generator)))
    rows = feedback(
        _embedded(net, fused.texts), fused.labels, fused.owners, sorted(s["prefixes"]), rng,
        candidates=s["screened"], samples=s["shots"], high=s["high"],
    )  # fmt: skip
    return fused.rows(rows.tolist())


def aug_pe(net: Net) -> None:
    """Aug-PE's server: of every label keep the texts of most votes, write variations of them, ask again."""
    s, classes, evolution = net.settings, sorted(net.settings["prefixes"]), Evolution(net)
    net.gather()
    population = Fused(*evolution.initial())
    for round in range(net.rounds):
        votes = _votes(net, population)["votes"]
        keep = max(1, s["texts"] // (1 + s["variations"]))
        best = best_of_each(np.maximum(votes, 0.0), population.labels, classes, keep)
        population = population.rows(np.concatenate(best).tolist())
        if round < net.rounds - 1:
            population = population.with_more(evolution.varied(population.texts, population.labels, s["variations"]))
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=[], labels=[])
    finish(net, population, 0)


def wasp(net: Net) -> None:
    """WASP's server: near and far texts make the next prompts, near votes also the shares of the generators."""
    s, classes, evolution = net.settings, sorted(net.settings["prefixes"]), Evolution(net)
    net.gather()
    everything = Fused(*evolution.initial())
    for _ in range(net.rounds):
        votes = _votes(net, everything)
        near, far = (
            [everything.rows(rows.tolist()).texts for rows in best_of_each(v, everything.labels, classes, s["shots"])]
            for v in (votes["votes"], votes["far"])
        )
        shares = evolution.shares(votes["votes"], everything.owners)
        everything = everything.with_more(evolution.contrasted(near, far, classes, shares))
    net.own["shares"] = [float(share) for share in shares]
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=[], labels=[])
    finish(net, everything, 0)


def idle(net: Net) -> None:
    """No server: the references without sharing."""


def _votes(net: Net, asked: Fused) -> Mapping[str, Floats]:
    """Histograms of all parties together over the texts ``asked``, which are sent out first.

    The behaviour ``probes`` puts the candidates among them, and leaves the votes for those out of what follows.

    Raises:
        ProtocolError: a histogram of another length.
    """
    probes = net.settings["probes"] if net.behaviour == PROBES else []
    texts = [*asked.texts, *(text for text, _ in probes)]
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=texts, labels=[*asked.labels, *(label for _, label in probes)])
    total: dict[str, Floats] = {}
    for name, message in net.gather(reduce="sum" if net.settings["aggregation"] == "sum" else None).items():
        for key, votes in message.tensors().items():
            if len(votes) != len(texts):
                raise ProtocolError(f"{name} sent {len(votes)} {key} for {len(texts)} texts")
            total[key] = total.get(key, 0.0) + votes[: len(asked.texts)].double().numpy()
    return total


def finish(net: Net, fused: Fused, iterations: int) -> None:
    """Release the texts with their weights, fit the task model and answer the test texts."""
    classes = sorted(net.settings["prefixes"])
    if not fused.texts:
        raise ProtocolError("no party sent a usable synthetic text: there is nothing to release")
    x = _embedded(net, fused.texts)
    weights = np.ones(len(x))
    head = fit_head(x, fused.labels, classes)
    if iterations:
        head, weights = boosted(x, fused.labels, classes, iterations)
    net.relay(
        "server",
        READER,
        Kind.SYNTHETIC_TEXT,
        round=net.rounds,
        texts=fused.texts,
        labels=fused.labels,
        weights=torch.from_numpy(weights).float(),
    )
    test = net.settings["test"]
    for name, label in zip(test, head.labels(_embedded(net, list(test.values()))), strict=True):
        net.predict(name, {"label": label})


def _embedded(net: Net, texts: Sequence[str]) -> Floats:
    found: Floats = net.embed(texts).double().numpy()
    return found
