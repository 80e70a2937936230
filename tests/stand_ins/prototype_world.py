"""Parties that send class means of drawn embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from harness.attack import SeenMessage
from harness.scenario.aggregate import CountSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message, Value
from tests.stand_ins.membership_power import power
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of


def sharing(
    cloud: Cloud,
    *,
    rounds: int = 1,
    noise: float = 0.0,
    counts: bool = False,
    secret: Any = None,
    dummies: bool = False,
    fewest: int = 1,
    moving: float = 0.0,
    drift: float = 0.0,
) -> Any:
    """FedProto's uploads: class means of every party, through ``secret`` map and Gaussian noise."""

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        seen = []
        aside = {party: drift * (1 + rng.normal(size=cloud.size)) for party in held}
        for round_ in range(rounds):
            for party, classes in held.items():
                large = {c: t for c, t in classes.items() if len(t) >= fewest}
                means = {
                    c: cloud.embed(t).mean(0) + aside[party] + moving * rng.normal(size=cloud.size) / len(t) ** 0.5
                    for c, t in large.items()
                }
                if dummies:
                    middle = np.mean(list(cloud.means.values()), axis=0)
                    means |= {c: middle + rng.normal(size=cloud.size) for c in classes if c not in large}
                if not means:
                    continue
                rows = np.stack([m if secret is None else m @ secret for m in means.values()])
                rows = rows + noise * rng.normal(size=rows.shape)
                payload: dict[str, Value] = {"means": torch.from_numpy(rows).float(), "classes": list(means)}
                if counts:
                    payload["counts"] = torch.tensor([len(t) for t in large.values()])
                seen.append(SeenMessage(party, SERVER, Message(Kind.PROTOTYPE, payload, round=round_)))
        return seen

    return protocol


def world(seed: int = 0, shadows: int = 0, classes: Sequence[str] = ("red", "green", "blue"), **options: Any) -> Any:
    cloud = Cloud(tuple(classes), seed=seed)
    protocol = options.pop("protocol", {})
    return view_of(cloud, sharing(cloud, **protocol), shadows=shadows, seed=seed, **options)


def mean_power(attack: Any, seeds: int = 3, **options: Any) -> Any:
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])


def errors(attack: Any, view: RoundsView) -> Any:
    scores = CountSecret(view.truth["counts"]).score(attack.guess(view))
    return np.mean([s.value for s in scores if s.metric == "absolute_error"])
