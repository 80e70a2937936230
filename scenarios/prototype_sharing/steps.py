"""Who sends whom what in prototype_sharing, for the board's drawing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Step

__all__ = ["STEPS"]

_ROUND = "each round"


def _round(sent: str, made: str) -> tuple[Step, ...]:
    return (
        Step("clients", "train, pulled to the global prototypes", when=_ROUND),
        Step("clients", sent, "server", "PROTOTYPE", _ROUND),
        Step("server", made, when=_ROUND),
        Step("server", "global prototypes", "clients", "PROTOTYPE", _ROUND),
    )


STEPS: Mapping[str, tuple[Step, ...]] = {
    "fedproto": _round("class means; weighted: counts, too", "averages class by class"),
    "fedtgp": _round("class means", "trains prototypes with a margin"),
}
