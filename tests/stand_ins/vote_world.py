"""Parties that vote for synthetic texts, over drawn embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attacks.toolkit.voting import vote_vectors
from harness.attack import SeenMessage, VoteFacts
from harness.wire.coalition import SERVER, SUM
from harness.wire.message import Kind, Message
from tests.stand_ins.membership_power import power
from tests.stand_ins.rounds_view import Cloud, view_of

__all__ = ["halving", "mean_power", "world"]


def halving(ranks: int) -> tuple[float, ...]:
    """Weights 1, 1/2, 1/4, ... of ``ranks`` nearest texts."""
    return tuple(0.5**rank for rank in range(ranks))


def polling(
    cloud: Cloud,
    *,
    rounds: int = 1,
    weights: Any = (1.0,),
    noise: float = 0.0,
    secure: bool = False,
    probe: bool = False,
    texts: int = 60,
    far: bool = False,
) -> Any:
    """Each round the server puts synthetic texts to the vote, with ``probe`` the candidates among them."""
    pool = [(name, cloud.draw(name)) for name in cloud.classes for _ in range(texts)]

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        seen = []
        # The pool was drawn first, then the candidates: 4 for each of 4 parties and every class.
        copies = list(cloud.vectors)[len(pool) :][: 16 * len(cloud.classes)] if probe else []
        probes = [(text.split()[0], text) for text in copies]
        for round_ in range(rounds):
            asked = [pool[i] for i in rng.choice(len(pool), len(pool) // 2, replace=False)] + probes
            marks, lines = [name for name, _ in asked], [text for _, text in asked]
            cast = {}
            for party, classes in held.items():
                seen.append(SeenMessage(SERVER, party, Message(Kind.SYNTHETIC_TEXT, {"texts": lines, "labels": marks})))
                owners = [name for name, inside in classes.items() for _ in inside]
                records = cloud.embed([text for inside in classes.values() for text in inside])
                for field, farthest in (("votes", False), ("far", True)):
                    votes = vote_vectors(
                        records, cloud.embed(lines), weights, classes=(owners, marks), farthest=farthest
                    ).sum(0)
                    cast[party, field] = torch.from_numpy(votes + noise * rng.normal(size=len(votes)))
            senders = {SUM: list(held)} if secure else {party: [party] for party in held}
            for sender, those in senders.items():
                payload = {f: sum(cast[p, f] for p in those) for f in (("votes", "far") if far else ("votes",))}
                seen.append(SeenMessage(sender, SERVER, Message(Kind.VOTE, payload, round=round_)))
        return seen

    return protocol


def world(seed: int = 0, protocol: Any = None, weights: Any = (1.0,), size: int = 8, **options: Any) -> Any:
    cloud = Cloud(seed=seed, size=size)
    rule = VoteFacts(tuple(weights))
    return view_of(cloud, polling(cloud, weights=weights, **(protocol or {})), seed=seed, facts=(rule,), **options)


def mean_power(attack: Any, seeds: int = 4, **options: Any) -> Any:
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])
