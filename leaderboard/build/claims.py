"""Empirical refutation of a row's differential-privacy claim by what attacks prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.assessment import Flag
from harness.store import Verdict

__all__ = ["auditable", "out_of_reach", "refuted_empirically"]


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


def out_of_reach(verdicts: Sequence[Verdict], bounds: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence where no attack of the suite could have refuted the claim, however strong: even the largest ceiling of
    its audits lies below the claimed epsilon, or nothing audits a claim of this kind. None where one could, or there is
    no claim."""
    if not verdicts:
        return None
    claims = [claim for claim in verdicts if auditable(claim)]
    if not claims:
        return f"no attack audits a claim about a {verdicts[0].unit} under adjacency {verdicts[0].adjacency}"
    claim = min(claims, key=lambda one: one.claimed)
    alike = [bound for bound in bounds if (bound["coalition"] or "server") == claim.view]
    if not alike:
        return f"no audit of this suite is made in the view that the claim is about ({claim.view})"
    ceiling = max(float(bound["ceiling"]) for bound in alike)
    if ceiling >= claim.claimed:
        return None
    reach = f"a perfect attack would prove {ceiling:.3g}, the claim is {claim.claimed:g}"
    return f"this suite is too small to refute it: {reach}"
