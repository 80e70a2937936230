"""A submission's privacy claim against what the harness executed: holds, refuted by accounting, or unverified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.dp.accounting import Adjacency, Unit, view_epsilon
from harness.dp.releases import CLEAR, ELSEWHERE
from harness.plugins.submission import Claim
from harness.store.schema import LedgerEntry, Verdict
from harness.wire.log import WireLog

__all__ = ["REFUTED", "TOLERANCE", "judge", "sealed_kinds"]

REFUTED = "refuted by accounting"
TOLERANCE = 0.01
"""Share by which the recomputed epsilon may exceed the claim: numerical accountants round up."""

_UNITS: dict[str, Unit] = {"record": "record", "vector": "vector", "client": "client"}
_ADJACENCIES: dict[str, Adjacency] = {"add_remove": "add_remove", "replace": "replace"}


def sealed_kinds(log: WireLog, parties: Sequence[str]) -> frozenset[str]:
    """Kinds of which every message of a private party went into a secure sum."""
    seen: dict[str, bool] = {}
    for entry in log.entries:
        if entry.sender in parties:
            kind = entry.message().kind.value
            seen[kind] = seen.get(kind, True) and entry.sealed
    return frozenset(kind for kind, sealed in seen.items() if sealed)


def judge(claim: Claim, ledger: Sequence[LedgerEntry], sealed: frozenset[str]) -> Verdict:
    """The verdict on a claim, for the view that the server of this run really had; the per-party and the sum view are
    stored beside it.
    """
    unit, adjacency = _UNITS.get(claim.unit), _ADJACENCIES.get(claim.adjacency)
    if unit is None or adjacency is None:
        known = f"units {', '.join(_UNITS)}; adjacencies {', '.join(_ADJACENCIES)}"
        reason = f"no accounting for unit {claim.unit!r} under adjacency {claim.adjacency!r}; known: {known}"
        return _verdict(claim, "unverified", reason)
    if not ledger:  # says nothing, not even that epsilon is 0
        reason = "no mechanism of the harness was used: the noise, if any, was made elsewhere"
        return _verdict(claim, "unverified", reason)
    kinds = frozenset(entry.kind for entry in ledger)
    real, party, total = (
        view_epsilon(ledger, claim.delta, adjacency, unit, view) for view in (sealed, frozenset[str](), kinds)
    )
    status, reason = _status(claim, ledger, real)
    return _verdict(claim, status, reason, epsilon=real, epsilon_party=party, epsilon_sum=total)


def _status(claim: Claim, ledger: Sequence[LedgerEntry], real: float | None) -> tuple[str, str]:
    clear, elsewhere = (sorted({e.field for e in ledger if e.mechanism == m}) for m in (CLEAR, ELSEWHERE))
    if clear:
        return REFUTED, f"fields {', '.join(clear)} left unprotected, and no bound is known for them"
    if elsewhere:
        return "unverified", f"fields {', '.join(elsewhere)} were changed by means that the harness cannot account for"
    if real is None:
        return "unverified", "nothing bounds how much one record changes what was released: neither clip nor scenario"
    if real > claim.epsilon * (1 + TOLERANCE):
        return REFUTED, f"epsilon is {real:.4g} in the view that the server has, the claim is {claim.epsilon:g}"
    return "holds", f"epsilon is {real:.4g} in the view that the server has"


def _verdict(claim: Claim, status: Any, reason: str, **epsilons: float | None) -> Verdict:
    return Verdict(
        status=status,
        reason=reason,
        claimed=claim.epsilon,
        delta=claim.delta,
        unit=claim.unit,
        adjacency=claim.adjacency,
        view=claim.view,
        **epsilons,
    )
