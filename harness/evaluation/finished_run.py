"""A run with everything that its cells need, and its form on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.evaluation.plan import RunPlan
from harness.runtime.execution import Outcome
from harness.store.schema import LedgerEntry
from harness.wire.departures import Departure, departures_from_bytes, departures_to_bytes
from harness.wire.log import WireLog

__all__ = ["FinishedRun"]


@dataclass(frozen=True)
class FinishedRun:
    """A run with everything its cells need."""

    plan: RunPlan
    log: WireLog
    predictions: Mapping[str, Any]
    ledger: tuple[LedgerEntry, ...]
    own: WireLog = field(default_factory=WireLog)
    departures: tuple[Departure, ...] = ()

    @classmethod
    def from_outcome(cls, plan: RunPlan, outcome: Outcome) -> FinishedRun:
        """A run just executed."""
        return cls(plan, outcome.log, outcome.predictions, outcome.ledger, outcome.own, outcome.departures)

    def files(self) -> dict[str, bytes]:
        """The evictable artefact: wire log and predictions."""
        contents = {"wire.bin": self.log.to_bytes(), "predictions.json": json.dumps(self.predictions).encode()}
        contents |= {"departures.bin": departures_to_bytes(self.departures)}
        return contents | ({"own.bin": self.own.to_bytes()} if self.own.entries else {})

    @classmethod
    def from_files(cls, plan: RunPlan, ledger: tuple[LedgerEntry, ...], folder: Path) -> FinishedRun:
        """Inverse of :meth:`files`."""
        log = WireLog.from_bytes((folder / "wire.bin").read_bytes())
        own = folder / "own.bin"
        own_log = WireLog.from_bytes(own.read_bytes()) if own.exists() else WireLog()
        moved = departures_from_bytes((folder / "departures.bin").read_bytes())
        return cls(plan, log, json.loads((folder / "predictions.json").read_text()), ledger, own_log, moved)
