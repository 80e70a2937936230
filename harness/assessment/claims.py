"""What became of a row's differential-privacy claim, from the verdicts of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.assessment.flags import Flag
from harness.dp.claims import REFUTED

__all__ = ["ClaimState", "claim_state"]


@dataclass(frozen=True)
class ClaimState:
    """Claimed and recomputed epsilon of a row, and the flag that follows, if any."""

    claimed: float | None = None
    measured: float | None = None
    flags: tuple[Flag, ...] = ()


def claim_state(verdicts: Sequence[Mapping[str, Any]]) -> ClaimState:
    """The worst of the runs' verdicts: refuted before unverified before held; the largest epsilon counts.

    ``measured`` is None where the ledger bounds nothing in some run; older records say 0 there.
    """
    if not verdicts:
        return ClaimState()
    losses: list[Any] = [None if verdict["status"] == "unverified" else verdict["epsilon"] for verdict in verdicts]
    measured = None if any(loss is None for loss in losses) else float(max(losses))
    told = {verdict["status"]: Flag(name, verdict["reason"]) for verdict in verdicts if (name := _flag(verdict))}
    worst = told.get(REFUTED) or told.get("unverified")
    return ClaimState(float(verdicts[0]["claimed"]), measured, (worst,) if worst else ())


def _flag(verdict: Mapping[str, Any]) -> str | None:
    return {REFUTED: "claim_refuted", "unverified": "claim_unverified"}.get(str(verdict["status"]))
