"""Privacy mechanisms that the harness executes, their ledger, accounting, and claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.dp.claims import REFUTED, judge, sealed_kinds
    from harness.dp.mechanisms import DPSGD, Mechanisms, clip_norm
    from harness.dp.releases import CLEAR, ELSEWHERE
    from harness.dp.sensitivity import MODEL, Bound

__all__ = [
    "CLEAR",
    "DPSGD",
    "ELSEWHERE",
    "MODEL",
    "REFUTED",
    "Bound",
    "Mechanisms",
    "clip_norm",
    "judge",
    "sealed_kinds",
]

_ROOMS = {
    "harness.dp.claims": "REFUTED judge sealed_kinds",
    "harness.dp.mechanisms": "DPSGD Mechanisms clip_norm",
    "harness.dp.releases": "CLEAR ELSEWHERE",
    "harness.dp.sensitivity": "MODEL Bound",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
