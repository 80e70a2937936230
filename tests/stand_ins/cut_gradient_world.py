"""A stand-in view of split fine-tuning: states, gradients and answers that are drawn, not computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.attack import SERVER, DefenseCard, FinetuneFacts, Kind, Message, Public, SeenMessage
from tests.stand_ins.absent import NoSessions

__all__ = ["GradientView", "gradient_world"]


@dataclass
class GradientView(NoSessions):
    """See :class:`harness.attack.View`."""

    public: Public
    transcript: list[SeenMessage]
    truth: dict[str, int]
    """Record -> class, of those that are no hints."""
    adaptive: bool = True

    def __post_init__(self) -> None:
        self.rng = torch.Generator().manual_seed(5)
        self.defense = DefenseCard("lab", {}, "")

    def scores(self, guess: Any) -> tuple[list[float], list[int]]:
        """Scores and classes of what is asked about."""
        return [guess[record] for record in self.truth], list(self.truth.values())


def gradient_world(
    *,
    records: int = 80,
    batch: int = 8,
    epochs: int = 3,
    width: int = 24,
    hints: int = 10,
    share: float = 0.5,
    noise: float = 0.0,
    content: bool = True,
    logits: bool = False,
    seed: int = 0,
) -> GradientView:
    """Gradients ``(p - y) w`` over one to three rows of each text, ``w`` drifting from round to round.

    ``share`` is that of class 1, ``noise`` the norm of what is added to a record over that of its gradient; without
    ``content`` everything is drawn without a look at the labels.
    """
    rng = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(records)]
    classes = (rng.permutation(records) < share * records).astype(int)
    label = dict(zip(names, classes.tolist(), strict=True))
    known = [n for c in (0, 1) for n in [name for name in names if label[name] == c][: hints // 2]]
    orders = [rng.permutation(records) for _ in range(epochs)]
    batches = tuple(tuple(names[i] for i in order[a : a + batch]) for order in orders for a in range(0, records, batch))
    direction, transcript = rng.normal(size=width), list[SeenMessage]()
    inputs = {name: rng.normal(size=width) for name in names}
    for number, members in enumerate(batches):
        direction = direction + 0.05 * rng.normal(size=width)
        lengths = [int(rng.integers(1, 4)) for _ in members]
        size = rng.uniform(0.3, 0.7, len(members))
        y = np.array([label[m] for m in members]) if content else rng.integers(0, 2, len(members))
        slope = np.where(y == 1, -size, size) if share == 0.5 else np.where(y == 1, -0.9, 0.1)
        whole = (slope / len(members))[:, None] * direction
        whole = whole + noise * np.linalg.norm(whole, axis=1, keepdims=True) * rng.normal(size=whole.shape) / width**0.5
        rows = np.concatenate([np.tile(g / n, (n, 1)) for g, n in zip(whole, lengths, strict=True)])
        states = np.concatenate([np.tile(inputs[m], (n, 1)) for m, n in zip(members, lengths, strict=True)])
        up: dict[str, Any] = {"hidden": torch.tensor(states), "lengths": lengths}
        down: dict[str, Any] = {"hidden": torch.tensor(states + 2.0 * rng.normal(size=states.shape))}
        sent: dict[str, Any] = {"hidden": torch.tensor(rows), "lengths": lengths}
        if logits:
            sent = {"logits": torch.tensor(np.stack([-slope, slope], 1) / len(members))}
        transcript += [
            SeenMessage("party", SERVER, Message(Kind.HIDDEN, up, round=number)),
            SeenMessage(SERVER, "party", Message(Kind.HIDDEN, down, round=number)),
            SeenMessage("party", SERVER, Message(Kind.GRADIENT, sent, round=number)),
        ]
    facts = FinetuneFacts(
        model="none",
        batches=batches,
        labels=("a", "b"),
        hints={name: "ab"[label[name]] for name in known},
        topology="head-tail" if logits else "head-body-tail",
    )
    asked = {name: number for name, number in label.items() if name not in known}
    return GradientView(Public(facts=(facts,)), transcript, asked)
