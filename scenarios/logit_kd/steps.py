"""Who sends whom what in logit_kd, for the board's drawing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Step

__all__ = ["STEPS"]

_ROUND, _INNER = "each round", "each inner round"

STEPS: Mapping[str, tuple[Step, ...]] = {
    "fedmd": (
        Step("clients", "train on their own records"),
        Step("clients", "logits on the public texts", "server", "LOGITS", _ROUND),
        Step("server", "averages the answers", when=_ROUND),
        Step("server", "the mean; an active server: more texts", "clients", "LOGITS", _ROUND),
        Step("clients", "digest the mean, train on their own records", when=_ROUND),
    ),
    "fedhkt": (
        Step("clients", "label counts", "edges", "CONTROL"),
        Step("edges", "sums of label counts", "server", "CONTROL"),
        Step("edges", "parameters to start from", "clients", "PARAMETERS"),
        Step("clients", "train on their own records", when=_INNER),
        Step("clients", "parameters, number of records", "edges", "PARAMETERS", _INNER),
        Step("edges", "average the parameters", when=_INNER),
        Step("edges", "logits on the public texts", "server", "LOGITS", _ROUND),
        Step("server", "weights, selects, distils to its model", when=_ROUND),
        Step("server", "its logits, which texts count", "edges", "LOGITS", _ROUND),
        Step("edges", "averages, what was selected", "clients", "PARAMETERS", _ROUND),
    ),
}
