"""Noise laws that an adaptive attack may rely on: declared in the ledger, and confirmed on simulated pairs.

A ledger proves that a mechanism ran, not that its output left unchanged. So the declared law is compared with
what paired simulations really sent; where they disagree, attacks have to fit the law themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

from harness.attack import NoiseLaw, Observation
from harness.dp.mechanisms import clip_norm
from harness.dp.releases import CLEAR, ELSEWHERE
from harness.store.schema import LedgerEntry

if TYPE_CHECKING:
    from torch import Tensor

    from harness.adversary.replay import ReplayedMessage

__all__ = ["confirmed_laws", "declared_laws", "replayed_laws"]

_ORDER = {"gaussian": 2.0, "laplace": 1.0}
_SIGMAS = 6.0
_SILENT = frozenset({CLEAR, ELSEWHERE, "constant"})
"""Entries that add no noise."""


def declared_laws(ledger: Sequence[LedgerEntry]) -> tuple[NoiseLaw, ...]:
    """The one law all messages were released under, or nothing when several were used."""
    laws = {(e.mechanism, e.scale, e.clip) for e in ledger if e.mechanism not in _SILENT}
    if len(laws) != 1 or (law := next(iter(laws)))[0] not in _ORDER:
        return ()
    return (NoiseLaw(*law),)


def confirmed_laws(laws: Sequence[NoiseLaw], pairs: Sequence[Observation]) -> tuple[NoiseLaw, ...]:
    """``laws`` if the residuals of ``pairs`` have the declared variance (within six standard errors), else nothing."""
    if len(laws) != 1 or laws[0].scale == 0:
        return ()
    if any(pair.plain is None or pair.plain.shape != pair.states.shape for pair in pairs):
        return ()
    sent = [(pair.plain, pair.states) for pair in pairs if pair.plain is not None]
    return tuple(laws) if _fits(laws[0], sent) else ()


def replayed_laws(
    ledger: Sequence[LedgerEntry], replayed: Sequence[ReplayedMessage]
) -> tuple[tuple[NoiseLaw, ...], bool]:
    """The one law of all messages if replayed messages follow it, and True where they follow everything declared: every
    (kind, field) that is said to have been released with Gaussian or Laplace noise is tested."""
    groups: dict[tuple[str, str, NoiseLaw], set[str]] = {}
    for entry in ledger:
        if entry.mechanism in _ORDER and entry.scale and entry.field:
            law = NoiseLaw(entry.mechanism, entry.scale, entry.clip)
            groups.setdefault((entry.kind, entry.field, law), set()).add(entry.party)
    confirmed = all(
        _fits(law, _sent(field, [t for t in replayed if t.party in parties and t.plain.kind.value == kind]))
        for (kind, field, law), parties in groups.items()
    )
    return (declared_laws(ledger) if confirmed else ()), confirmed


def _sent(field: str, replayed: Sequence[ReplayedMessage]) -> list[tuple[Tensor, Tensor]]:
    pairs = [(t.plain[field], t.again[field]) for t in replayed if field in t.plain.payload]
    return [(before, after) for before, after in pairs if before.shape == after.shape]


def _fits(law: NoiseLaw, sent: Sequence[tuple[Tensor, Tensor]]) -> bool:
    """True where the residuals of (plain, sent) pairs have the law's variance, within six standard errors."""
    residuals = [(b - clip_norm(a, law.clip, _ORDER[law.name])).double().flatten() for a, b in sent]
    count = sum(len(rows) for rows in residuals)
    if not count:
        return False
    total = sum(float(rows.square().sum()) for rows in residuals)
    variance, kurtosis = (law.scale**2, 3.0) if law.name == "gaussian" else (2 * law.scale**2, 6.0)
    return abs(total / count / variance - 1.0) <= _SIGMAS * sqrt((kurtosis - 1.0) / count)
