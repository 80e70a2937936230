"""Stored results made up for tests of assessments: records of runs and cells of one entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.assessment.assess import assess_entry
from harness.assessment.reading import results_of_records
from harness.assessment.results import Assessment, EntryResults
from harness.plugins.identity import registered_hashes
from harness.store.schema import CellRecord, Costs, Environment, RunRecord, Score

COSTS = Costs(bytes_up=10, bytes_down=10, private_flops=10, private_peak_bytes=10, round_trips=10)
Values = dict[str, dict[str, float]]


class StoredEntry:
    """Collects records of runs and cells of one entry."""

    def __init__(self, seeds: int = 5, entitlement: dict[str, Any] | None = None, isolation: str = "process") -> None:
        self.seeds, self.isolation = seeds, isolation
        self.entitlement = entitlement or {}
        self.runs: dict[str, RunRecord] = {}
        self.cells: list[CellRecord] = []

    def add(
        self,
        name: str,
        submission: str = "none",
        *,
        role: Any = "attack",
        variant: str = "",
        secret: str = "text",
        coalition: str = "server",
        behaviour: str = "honest",
        facts: dict[str, Any] | None = None,
        status: Any = "ok",
        draw: Any,
    ) -> None:
        """A cell for every seed; ``draw(rng)`` gives metric -> record -> value, the same rng for all submissions."""
        for seed in range(self.seeds):
            run = f"{submission}/{seed}/{behaviour}"
            axes: dict[str, Any] = {"suite": "s@1", "entry": "e", "scenario": "x", "submission": submission}
            axes |= {"point": 0, "seed": seed, "behaviour": behaviour}
            self.runs[run] = RunRecord(
                **axes,
                key=run,
                submission_hash=registered_hashes().get(submission, "0"),
                parameters={},
                isolation=self.isolation,
                costs=COSTS,
                entitlement=self.entitlement,
                environment=Environment(leakboard="test"),
            )
            cell = CellRecord(
                **axes,
                key=f"{run}/{role}/{name}/{variant}/{secret}/{coalition}",
                run_key=run,
                role=role,
                name=name,
                variant=variant,
                secret=secret,
                coalition=coalition,
                status=status,
                reason="boom" if status == "error" else None,
                scores=_scores(draw(np.random.default_rng([seed, 7]))),
                facts=facts or {},
                seconds=1.0,
                created=f"{len(self.cells):06d}",
            )
            self.cells.append(cell)

    def utility(self, submission: str = "none", right: float = 0.9) -> None:
        """Task accuracy, with the blind reference at one half."""
        self.add("acc", submission, role="utility", secret="", draw=lambda rng: hits(rng, right))
        if submission == "none":
            self.add("acc", role="blind", secret="", draw=lambda rng: hits(rng, 0.5))

    def results(self) -> EntryResults:
        return results_of_records(self.runs.values(), self.cells)[0]

    def row(self, submission: str = "none") -> Assessment:
        return next(row for row in assess_entry(self.results(), None) if row.submission == submission)


def _scores(values: Values) -> tuple[Score, ...]:
    return tuple(
        Score(record=record, metric=metric, value=value if value == value else None)
        for metric, rows in values.items()
        for record, value in rows.items()
    )


def hits(rng: np.random.Generator, right: float, metric: str = "acc", n: int = 40) -> Values:
    return {metric: {f"r{i}": float(x < right) for i, x in enumerate(rng.random(n))}}


def text(share: float, n: int = 40) -> Any:
    return lambda rng: {
        "content_token_accuracy": {f"r{i}": float(x) for i, x in enumerate(share + 0.1 * rng.random(n))}
    }


def membership(strength: float, candidates: int = 60, targets: int = 8) -> Any:
    """Scores over targets; half of the candidates are canaries, on which the attack has its ``strength``."""

    def draw(rng: np.random.Generator) -> Values:
        values: Values = {"score": {}, "label": {}, "canary": {}}
        for target in range(targets):
            for c in range(candidates):
                record, label, canary = f"{target}:c{c}", float(rng.random() < 0.5), float(c % 2)
                noise = rng.standard_normal()
                values["label"][record], values["canary"][record] = label, canary
                values["score"][record] = label * strength * canary + noise
        return values

    return draw


def binary(strength: float, n: int = 60) -> Any:
    def draw(rng: np.random.Generator) -> Values:
        label = {f"r{i}": float(x < 0.5) for i, x in enumerate(rng.random(n))}
        return {
            "label": label,
            "score": {r: 0.5 + strength * (v - 0.5) + 0.1 * (rng.random() - 0.5) for r, v in label.items()},
        }

    return draw


def flags(row: Assessment) -> set[str]:
    return {flag.id for flag in row.flags}
