"""Simulated boards of attacks with known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from harness.score import AttackScores


@dataclass(frozen=True)
class World:
    """Attacks whose scores share a record effect (``rho``) and a seed effect, one blind attack with mean ``floor``.

    ``tau`` is the seed effect that all attacks share, ``tau_own`` each attack's own. Scores stay inside [0, 1] at
    these sizes, so true means are ``means`` and the truth is closed form.
    """

    means: tuple[float, ...] = (0.4,) * 20
    floor: float = 0.2
    seeds: int = 5
    records: int = 60
    rho: float = 0.5
    tau: float = 0.0
    tau_own: float = 0.0

    @property
    def truth(self) -> float:
        return (max(self.means) - self.floor) / (1 - self.floor)

    def draw(self, rng: np.random.Generator) -> tuple[list[AttackScores], list[AttackScores]]:
        width = len(self.means) + 1
        values: list[dict[int, dict[str, float]]] = [{} for _ in range(width)]
        for seed in range(self.seeds):
            noise = self._noise(rng)
            effect = self.tau * rng.standard_normal() + self.tau_own * rng.standard_normal(width)
            scores = np.array([*self.means, self.floor]) + 0.05 * noise
            scores[:, :-1] += effect[:-1]
            ids = [f"r{i}" for i in range(self.records)]
            for column in range(width):
                values[column][seed] = dict(zip(ids, scores[:, column].tolist(), strict=True))
        attacks = [AttackScores(f"a{i:02d}", "m", v) for i, v in enumerate(values[:-1])]
        return attacks, [AttackScores("prior", "m", values[-1])]

    def _noise(self, rng: np.random.Generator) -> np.ndarray:
        shape = (self.records, len(self.means) + 1)
        shared, own = rng.standard_normal((self.records, 1)), rng.standard_normal(shape)
        noise: np.ndarray = np.clip(np.sqrt(self.rho) * shared + np.sqrt(1 - self.rho) * own, -3, 3)
        return noise


@pytest.fixture
def world() -> type[World]:
    return World


@pytest.fixture
def scores() -> Callable[..., AttackScores]:
    """Shorthand: one list of values per seed becomes an entry with records r0, r1, ..."""

    def build(name: str, *seeds: list[float], metric: str = "m") -> AttackScores:
        table = {s: {f"r{i:03d}": v for i, v in enumerate(values)} for s, values in enumerate(seeds)}
        return AttackScores(name, metric, table)

    return build
