"""Logit sharing of four clients on toy records and a tiny random encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.data.record import Record
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model, toy_records
from scenarios.logit_kd.build import assemble
from scenarios.logit_kd.settings import Settings

__all__ = ["deploy"]


def deploy(folder: Path, pool: Sequence[Record] = (), **changes: object) -> Deployment:
    """A small deployment on the toy records and those of ``pool``, with some settings changed."""
    base = {
        "model": str(toy_model(folder)),
        "second_model": str(toy_model(folder)),
        "data": "toy",
        "max_tokens": 12,
        "models": ("linear", "mlp", "linear-second", "scratch"),
        "rounds": 2,
        "epochs": 1,
        "clients": 4,
        "alpha": 1.0,
        "least": 2,
        "records": 20,
        "canaries": 4,
        "average": 4,
        "auxiliary": 12,
        "public": 4,
        "test": 4,
    }
    return assemble(Settings.model_validate(base | changes), [*toy_records(), *pool], ("toy",))
