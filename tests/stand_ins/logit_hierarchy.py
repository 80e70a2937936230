"""Small deployment of the FedHKT hierarchy."""

from __future__ import annotations

from pathlib import Path

from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model, toy_records
from scenarios.logit_kd.build import assemble
from scenarios.logit_kd.settings import Settings


def hierarchy(folder: Path, kind: str = "mlp") -> Deployment:
    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        max_tokens=12,
        method="fedhkt",
        models=(kind,),
        edges=1,
        inner_rounds=2,
        rounds=1,
        epochs=30,
        clients=3,
        alpha=5.0,
        least=2,
        records=22,
        canaries=10,
        average=2,
        auxiliary=14,
        public=4,
        test=4,
    )
    return assemble(settings, list(toy_records()), ("toy",))
