"""Noise laws that an adaptive attack may rely on: declared in the ledger, and confirmed on simulated pairs.

A ledger proves that a mechanism ran, not that its output left unchanged. So the declared law is compared with
what paired simulations really sent; where they disagree, attacks have to fit the law themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from harness.attack import NoiseLaw, Observation
from harness.mechanisms import clip_norm
from harness.releases import CLEAR, ELSEWHERE
from harness.schema import LedgerEntry

__all__ = ["confirmed_laws", "declared_laws"]

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
    law, total, count = laws[0], 0.0, 0
    for pair in pairs:
        if pair.plain is None or pair.plain.shape != pair.states.shape:
            return ()
        residual = pair.states - clip_norm(pair.plain, law.clip, _ORDER[law.name])
        total, count = total + float(residual.double().square().sum()), count + residual.numel()
    if not count:
        return ()
    variance, kurtosis = (law.scale**2, 3.0) if law.name == "gaussian" else (2 * law.scale**2, 6.0)
    off = abs(total / count / variance - 1.0)
    return tuple(laws) if off <= _SIGMAS * sqrt((kurtosis - 1.0) / count) else ()
