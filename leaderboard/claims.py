"""What attacks prove against a row's differential-privacy claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.assessment.flags import Flag
from harness.store.privacy_schema import Verdict

__all__ = ["auditable", "refuted_empirically"]


def auditable(claim: Verdict) -> bool:
    """Whether the claim is about what a membership audit tests: one record, in or out."""
    return (claim.unit, claim.adjacency) == ("record", "add_remove")


def refuted_empirically(verdicts: Sequence[Verdict], bounds: Sequence[Mapping[str, Any]]) -> tuple[Flag, ...]:
    """A flag where a lower bound on epsilon (rows of ``bounds`` of the same row) exceeds the claim.

    Compared are bounds by the coalition whose view the claim is about, at a delta that is no smaller than the claim's:
    an (epsilon, delta)-private mechanism is so at every larger delta.
    """
    claims = [claim for claim in verdicts if auditable(claim)]
    for found in sorted(bounds, key=lambda row: -row["epsilon"]):
        for claim in claims:
            same = (found["coalition"] or "server") == claim.view and found["delta"] >= claim.delta
            if same and found["epsilon"] > claim.claimed:
                who = f"{found['attack']} {found['variant']}".strip()
                proven = f"epsilon is at least {found['epsilon']:.3g} at delta {found['delta']:g} by {who}"
                return (Flag("claim_refuted", f"refuted empirically: {proven}, the claim is {claim.claimed:g}"),)
    return ()
