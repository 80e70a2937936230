"""One execution of a protocol: what is asked for, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plugins.submission import Submission
from harness.protocol.behaviours import HONEST
from harness.store.schema import Costs, LedgerEntry
from harness.wire.departures import Departure
from harness.wire.log import WireLog

__all__ = ["Execution", "Outcome"]


@dataclass(frozen=True)
class Execution:
    """One protocol execution: which defense at which operating point, and how the curious party behaves."""

    submission: Submission | None
    """None: no defense."""
    point: int = 0
    behaviour: str = HONEST
    noise: tuple[str | int, ...] = ()
    """Extra axes of the defense's generators; the live run has its operating point here."""
    again: tuple[str | int, ...] = ()
    """Extra axes of what its messages draw, on top: the same deployment once more, with other noise."""
    draw: tuple[str | int, ...] = ()
    """Extra axes of the training and server generators; empty in the live run, so that submissions compare pairwise."""
    paired: bool = False
    """Keep every message as it was before the defense in the log, too; only on the attacker's own data."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter values of the operating point."""
        return dict(self.submission.points[self.point].parameters) if self.submission else {}


@dataclass(frozen=True)
class Outcome:
    """Everything that one execution left behind."""

    log: WireLog
    predictions: Mapping[str, Any]
    ledger: tuple[LedgerEntry, ...]
    costs: Costs
    own: WireLog = field(default_factory=WireLog)
    """What each party kept besides messages, as one CONTROL message from it to itself."""
    departures: tuple[Departure, ...] = ()
    """How far the defense moved every message; for the harness's controls alone."""
