"""The state of a row's differential-privacy claim, from the verdicts of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.assessment.flags import Flag
from harness.dp.claims import REFUTED
from harness.store.schema import Verdict

__all__ = ["ClaimState", "about", "claim_state"]


@dataclass(frozen=True)
class ClaimState:
    """Claimed and recomputed epsilon of a row, and the flag that follows, if any."""

    claimed: float | None = None
    measured: float | None = None
    about: str = ""
    """What both are about: unit, adjacency and delta. Only values about the same compare."""
    flags: tuple[Flag, ...] = ()


def claim_state(verdicts: Sequence[Verdict]) -> ClaimState:
    """The worst of the runs' verdicts: refuted before unverified before held; the largest epsilon counts.

    ``measured`` is None where the ledger bounds nothing in some run; older records say 0 there.
    """
    if not verdicts:
        return ClaimState()
    losses = [None if verdict.status == "unverified" else verdict.epsilon for verdict in verdicts]
    bounded = [loss for loss in losses if loss is not None]
    measured = float(max(bounded)) if len(bounded) == len(losses) else None
    flags: dict[str, Flag] = {
        verdict.status: Flag(name, verdict.reason) for verdict in verdicts if (name := _FLAGS.get(verdict.status))
    }
    worst = flags.get(REFUTED) or flags.get("unverified")
    return ClaimState(float(verdicts[0].claimed), measured, about(verdicts[0]), (worst,) if worst else ())


def about(verdict: Verdict) -> str:
    """The unit, adjacency and delta of a claim, for people: ``vector, replace, delta 1e-05``."""
    return f"{verdict.unit}, {verdict.adjacency}, delta {verdict.delta:g}"


_FLAGS = {REFUTED: "claim_refuted", "unverified": "claim_unverified"}
"""Status of a verdict -> its flag."""
