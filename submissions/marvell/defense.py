"""Gaussian noise on gradients of the cut, shaped so that classes are least told apart for the noise that is spent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from harness import Defense, Item, Kind, Message, PublicSide


class Marvell(Defense):
    """Noise of power ``power`` times the squared distance between the classes' mean gradients, divided between both
    classes, the direction of that distance and all others so that the sum of both Kullback-Leibler divergences is
    least (theorem 2; the problem of four numbers is solved numerically).

    A record is one vector: its rows side by side, padded to the longest of the batch.
    """

    def __init__(self, power: float) -> None:
        self.power = power

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        labels = public.settings["labels"]
        own = [record for record in records if record.label is not None]
        classes = torch.tensor([labels.index(record.label) for record in own])
        self.classes = [classes[batch] for batch in public.settings.get("batches", [])]

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.GRADIENT or message.round >= len(self.classes):
            return message
        lengths, classes = message.payload.get("lengths"), self.classes[message.round]
        return message.replace(**{name: self.noisy(x, lengths, classes) for name, x in message.tensors().items()})

    def noisy(self, x: Tensor, lengths: object, classes: Tensor) -> Tensor:
        """The rows ``[n, d]`` of all records with noise; as they are where the batch has one class alone."""
        sizes = list(lengths) if isinstance(lengths, list) else [1] * len(x)
        if len(classes) != len(sizes) or len(set(classes.tolist())) < 2:
            return x
        wide = pad_sequence(list(torch.split(x, sizes)), batch_first=True)
        flat = wide.flatten(1)
        groups = [flat[classes == number] for number in (0, 1)]
        apart = groups[1].mean(0) - groups[0].mean(0)
        distance = float(apart.square().sum())
        if distance <= 0:
            return x
        spreads = [float((g - g.mean(0)).square().sum(1).mean()) / flat.shape[1] / distance for g in groups]
        share = float((classes == 1).float().mean())
        along, across = allotted(self.power, share, spreads, flat.shape[1])
        direction = apart / apart.norm()
        noise = torch.zeros_like(flat)
        for number in (0, 1):
            members = classes == number
            size = int(members.sum())
            rest = torch.randn(size, flat.shape[1], generator=self.me.generator) * (distance * across[number]) ** 0.5
            rest -= (rest @ direction)[:, None] * direction
            steps = torch.randn(size, 1, generator=self.me.generator) * (distance * along[number]) ** 0.5
            noise[members] = rest + steps * direction
        mask = torch.arange(wide.shape[1])[None] < torch.tensor(sizes)[:, None]
        return x + noise.view(wide.shape)[mask]


def allotted(power: float, share: float, spreads: Sequence[float], width: int) -> tuple[list[float], list[float]]:
    """Variances of the noise of class 0 and 1 along the distance of the means, and in every other direction.

    In units of the squared distance: ``power`` is the expected squared norm of the noise, ``spreads`` are the classes'
    own variances per direction, ``share`` is that of class 1.
    """
    from scipy.optimize import minimize

    own = [max(s, 1e-9) for s in spreads]
    weight = [1 - share, share]

    def divergence(v: Sequence[float]) -> float:
        a, b = v[0] + own[0], v[1] + own[1]
        c, d = v[2] + own[0], v[3] + own[1]
        return float((width - 1) * (c / d + d / c - 2) + (a + 1) / b + (b + 1) / a)

    def left(v: Sequence[float]) -> float:
        return power - sum(weight[k] * (v[k] + (width - 1) * v[2 + k]) for k in (0, 1))

    limits = [{"type": "ineq", "fun": left}]
    limits += [{"type": "ineq", "fun": lambda v, k=k: v[k] - v[2 + k]} for k in (0, 1)]
    starts = [[power, power, 0.0, 0.0], [power / width] * 4, [power / max(weight[0], 1e-9), 0.0, 0.0, 0.0]]
    found = [
        minimize(divergence, start, bounds=[(0, None)] * 4, constraints=limits, method="SLSQP").x for start in starts
    ]
    best = min((v for v in [*found, starts[0]] if left(v) > -1e-6 * max(1.0, power)), key=divergence)
    return [max(0.0, float(v)) for v in best[:2]], [max(0.0, float(v)) for v in best[2:]]
