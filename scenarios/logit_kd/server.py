"""The curious side of both methods: FedMD's server, and FedHKT's edges with the cloud behind them."""

from __future__ import annotations

import torch

from harness.scenario import Kind, Net
from scenarios.logit_kd.fedhkt import Hierarchy
from scenarios.logit_kd.fedmd import consensus_of
from scenarios.logit_kd.queries import choose_queries

__all__ = ["fedhkt_server", "fedmd_server"]


def fedmd_server(net: Net) -> None:
    """Average the answers to all texts asked about: the public ones and, after the first round, further questions."""
    more = choose_queries(net, list(net.settings["public_texts"]))
    for round_ in range(net.rounds):
        heard = net.gather()
        consensus = consensus_of([message["logits"] for message in heard.values()])
        asked = more.texts_of if round_ == 0 else (lambda _: [])
        net.scatter(Kind.LOGITS, {name: {"logits": consensus, "queries": asked(name)} for name in heard})
    net.own["consensus"] = consensus
    net.own["queries"], net.own["query_ids"] = more.texts, more.ids


def fedhkt_server(net: Net) -> None:
    """All curious parties: the edges, which average parameters, and the cloud, which sees edges' logits alone."""
    hierarchy = Hierarchy(net)
    heard = net.gather()
    for edge, members in hierarchy.groups.items():
        total = torch.stack([heard[name]["counts"] for name in members]).sum(0)
        net.relay(edge, "server", Kind.CONTROL, counts=total, clients=len(members))
    hierarchy.answer(more=True)
    for round_ in range(net.rounds):
        for inner in range(net.settings["inner_rounds"]):
            hierarchy.average(net.gather())
            last = inner == net.settings["inner_rounds"] - 1
            if last:
                hierarchy.transfer(round_)
            hierarchy.answer(more=not (last and round_ == net.rounds - 1), knowledge=last)
    # What is kept is the cloud's: an edge has its clients' parameters from their messages.
    net.own["consensus"], net.own["selected"] = hierarchy.logits, hierarchy.mask.float()
