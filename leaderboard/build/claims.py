"""Empirical refutation of a row's differential-privacy claim by what attacks prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.assessment import Flag
from harness.store import Verdict

__all__ = ["auditable", "refuted_empirically"]


def auditable(claim: Verdict) -> bool:
    """Say whether the claim is about what a membership audit tests: one record, in or out."""
    return (claim.unit, claim.adjacency) == ("record", "add_remove")


def refuted_empirically(verdicts: Sequence[Verdict], bounds: Sequence[Mapping[str, Any]]) -> tuple[Flag, ...]:
    """A flag where a lower bound on epsilon (rows of ``bounds`` of the same row) exceeds the claim.

    Compared are bounds by the coalition whose view the claim is about, at a delta that is no smaller than the claim's:
    an (epsilon, delta)-private mechanism is so at every larger delta.
    """
    claims = [claim for claim in verdicts if auditable(claim)]
    for bound in sorted(bounds, key=lambda row: -row["epsilon"]):
        for claim in claims:
            same = (bound["coalition"] or "server") == claim.view and bound["delta"] >= claim.delta
            if same and bound["epsilon"] > claim.claimed:
                who = f"{bound['attack']} {bound['variant']}".strip()
                proven = f"epsilon is at least {bound['epsilon']:.3g} at delta {bound['delta']:g} by {who}"
                return (Flag("claim_refuted", f"refuted empirically: {proven}, the claim is {claim.claimed:g}"),)
    return ()
