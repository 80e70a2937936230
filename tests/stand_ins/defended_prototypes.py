"""Parties that send class means under defenses of different noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from harness.attack import SeenMessage
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message, Value
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of

LABELS = ("red", "green", "blue")


def defended(
    cloud: Cloud,
    *,
    rounds: int = 1,
    per_record: float = 0.0,
    fresh: bool = False,
    counts: float = 0.0,
    dummies: bool = False,
    with_counts: bool = True,
) -> Callable[..., Any]:
    """Class means under noise of variance ``per_record / n^2``, drawn once or ``fresh`` in every round; counts under
    noise of standard deviation ``counts``; a dummy, said to be of three records, for every class that is absent."""

    def protocol(held: Mapping[str, Mapping[str, Sequence[str]]], rng: np.random.Generator) -> list[SeenMessage]:
        seen, noise = [], {}
        for round_ in range(rounds):
            for party, classes in held.items():
                rows = {}
                for name, texts in classes.items():
                    size = max(len(texts), 1)
                    if fresh or (party, name) not in noise:
                        noise[party, name] = (
                            per_record**0.5 / size * rng.normal(size=cloud.size),
                            counts * rng.normal(),
                            np.mean(list(cloud.means.values()), axis=0) + rng.normal(size=cloud.size),
                        )
                    added, shift, dummy = noise[party, name]
                    if texts:
                        rows[name] = cloud.embed(texts).mean(0) + added, size + shift
                    elif dummies:
                        rows[name] = dummy + 0.1 * rng.normal(size=cloud.size), 3.0
                payload: dict[str, Value] = {
                    "means": torch.from_numpy(np.stack([m for m, _ in rows.values()])),
                    "classes": list(rows),
                }
                if with_counts:
                    payload["counts"] = torch.tensor([n for _, n in rows.values()])
                seen.append(SeenMessage(party, SERVER, Message(Kind.PROTOTYPE, payload, round=round_)))
        return seen

    return protocol


def world(seed: int = 0, shadows: int = 6, size: int = 24, **protocol: Any) -> RoundsView:
    cloud = Cloud(LABELS, size=size, seed=seed)
    options = {"parties": 8, "candidates": 2, "sizes": (0, 2, 10), **protocol.pop("options", {})}
    return view_of(cloud, defended(cloud, **protocol), shadows=shadows, seed=seed, **options)
