"""What became of a row's differential-privacy claim, from the verdicts of its runs and from what attacks prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.flags import Flag
from harness.privacy_schema import Verdict

__all__ = ["ClaimState", "auditable", "claim_state", "refuted_empirically"]

REFUTED = "refuted by accounting"


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


def auditable(claim: Verdict) -> bool:
    """Whether the claim is about what a membership audit tests: one record, in or out."""
    return (claim.unit, claim.adjacency) == ("record", "add_remove")


def refuted_empirically(verdicts: Sequence[Mapping[str, Any]], bounds: Sequence[Mapping[str, Any]]) -> tuple[Flag, ...]:
    """A flag where a lower bound on epsilon (rows of ``bounds`` of the same row) exceeds the claim.

    Compared are bounds by the coalition whose view the claim is about, at a delta that is no smaller than the claim's:
    an (epsilon, delta)-private mechanism is so at every larger delta.
    """
    claims = [claim for claim in map(Verdict.model_validate, verdicts) if auditable(claim)]
    for found in sorted(bounds, key=lambda row: -row["epsilon"]):
        for claim in claims:
            same = (found["coalition"] or "server") == claim.view and found["delta"] >= claim.delta
            if same and found["epsilon"] > claim.claimed:
                who = f"{found['attack']} {found['variant']}".strip()
                proven = f"epsilon is at least {found['epsilon']:.3g} at delta {found['delta']:g} by {who}"
                return (Flag("claim_refuted", f"refuted empirically: {proven}, the claim is {claim.claimed:g}"),)
    return ()
