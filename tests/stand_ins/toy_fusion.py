"""Small deployments of every method on a tiny random model."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.runtime.execution import Outcome
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model, toy_records
from scenarios.synthetic_fusion.build import assemble
from scenarios.synthetic_fusion.settings import Settings

__all__ = ["METHODS", "frames", "redrawn", "toy_deployment", "toy_settings"]

METHODS = ("fusegen", "private_fusegen", "hosted_fusegen", "aug_pe", "wasp")


def toy_settings(folder: str, method: str, **changes: Any) -> Settings:
    """Three clients on toy records, one canary and three average candidates."""
    model = str(toy_model(folder))
    base: dict[str, Any] = {
        "method": method,
        "data": "toy",
        "prefixes": {"bank": "Bank:", "friend": "Friend:"},
        "generator": model,
        "encoder": model,
        "alpha": 5.0,
        "least": 2,
        "records": 20,
        "canaries": 1,
        "average": 3,
        "canary_kind": "pii",
        "auxiliary": 16,
        "public": 4,
        "test": 6,
        "max_tokens": 8,
        "texts": 4,
        "rounds": 2,
        "shots": 2,
        "screened": 4,
        "boosting": 2,
        "rank": 2,
        "epochs": 1,
        "ranks": 3 if method == "wasp" else 1,
        "variations": 1,
    }
    return Settings(**{**base, **changes})


def toy_deployment(folder: str, method: str, **changes: Any) -> Deployment:
    """The deployment of those settings."""
    return assemble(toy_settings(folder, method, **changes), list(toy_records()), ("toy",))


def frames(outcome: Outcome, sender: str = "") -> list[bytes]:
    """Bytes on the wire, of one sender or of all."""
    return [entry.frame for entry in outcome.log.entries if sender in ("", entry.sender)]


def redrawn(live: Deployment, *, inside: bool, seed: int = 0) -> Deployment:
    """A shadow deployment with all candidates in, or out."""
    assert live.redraw is not None
    return live.redraw(np.random.default_rng(seed), {c.id: inside for c in live.candidates})
