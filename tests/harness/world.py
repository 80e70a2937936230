"""Ledgers made up for tests of assessments: rows of runs and cells of one entry."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from harness.assessment.assess import Assessment, assess_entry
from harness.assessment.series import Ledger, ledgers

COSTS = dict.fromkeys(("bytes_up", "bytes_down", "private_flops", "private_peak_bytes", "round_trips"), 10)
Values = dict[str, dict[str, float]]


class World:
    """Collects rows of runs and cells of one entry."""

    def __init__(self, seeds: int = 5, entitlement: dict[str, Any] | None = None, isolation: str = "process") -> None:
        self.seeds, self.isolation = seeds, isolation
        self.entitlement = json.dumps(entitlement or {})
        self.runs: dict[str, dict[str, Any]] = {}
        self.cells: list[dict[str, Any]] = []
        self.scores: dict[str, Values] = {}

    def add(
        self, name: str, submission: str = "none", *, role: str = "attack", variant: str = "", secret: str = "text",
        coalition: str = "server", behaviour: str = "honest", facts: dict[str, Any] | None = None,
        status: str = "ok", draw: Any,
    ) -> None:  # fmt: skip
        """A cell for every seed; ``draw(rng)`` gives metric -> record -> value, the same rng for all submissions."""
        for seed in range(self.seeds):
            run = f"{submission}/{seed}/{behaviour}"
            axes = {"suite": "s@1", "entry": "e", "submission": submission, "point": 0, "seed": seed}
            axes |= {"behaviour": behaviour}
            self.runs[run] = {**axes, **COSTS, "key": run, "isolation": self.isolation, "status": "ok", "reason": None,
                              "entitlement": self.entitlement, "parameters": "{}", "created": ""}  # fmt: skip
            key = f"{run}/{role}/{name}/{variant}/{secret}/{coalition}"
            self.cells.append(
                {**axes, "key": key, "run_key": run, "role": role, "name": name, "variant": variant, "secret": secret,
                 "coalition": coalition, "status": status, "reason": "boom" if status == "error" else None,
                 "facts": json.dumps(facts or {}), "seconds": 1.0}
            )  # fmt: skip
            self.scores[key] = draw(np.random.default_rng([seed, 7]))

    def utility(self, submission: str = "none", right: float = 0.9) -> None:
        """Task accuracy, with the blind reference at one half."""
        self.add("acc", submission, role="utility", secret="", draw=lambda rng: hits(rng, right))
        if submission == "none":
            self.add("acc", role="blind", secret="", draw=lambda rng: hits(rng, 0.5))

    def ledger(self) -> Ledger:
        return ledgers(self.runs, self.cells, self.scores)[0]

    def row(self, submission: str = "none") -> Assessment:
        return next(row for row in assess_entry(self.ledger(), None) if row.submission == submission)


def hits(rng: np.random.Generator, right: float, metric: str = "acc", n: int = 40) -> Values:
    return {metric: {f"r{i}": float(x < right) for i, x in enumerate(rng.random(n))}}


def text(share: float, n: int = 40) -> Any:
    return lambda rng: {
        "content_token_accuracy": {f"r{i}": float(x) for i, x in enumerate(share + 0.1 * rng.random(n))}
    }


def membership(strength: float, candidates: int = 60, targets: int = 8) -> Any:
    """Scores over targets; half of the candidates are canaries, on which the attack is as strong as told."""

    def draw(rng: np.random.Generator) -> Values:
        found: Values = {"score": {}, "label": {}, "canary": {}}
        for target in range(targets):
            for c in range(candidates):
                record, label, canary = f"{target}:c{c}", float(rng.random() < 0.5), float(c % 2)
                noise = rng.standard_normal()
                found["label"][record], found["canary"][record] = label, canary
                found["score"][record] = label * strength * canary + noise
        return found

    return draw


def binary(strength: float, n: int = 60) -> Any:
    def draw(rng: np.random.Generator) -> Values:
        label = {f"r{i}": float(x < 0.5) for i, x in enumerate(rng.random(n))}
        return {"label": label, "score": {r: 0.5 + strength * (v - 0.5) + 0.1 * (rng.random() - 0.5)
                                          for r, v in label.items()}}  # fmt: skip

    return draw


def flags(row: Assessment) -> set[str]:
    return {flag.id for flag in row.flags}
