"""The logit_kd scenario as the registry finds it."""

from __future__ import annotations

from typing import Any

from harness.scenario import Deployment, Scenario
from scenarios.logit_kd.settings import MEANING, Settings, read_settings
from scenarios.logit_kd.steps import STEPS

__all__ = ["LOGIT_KD"]


def _build(entry: str, raw: dict[str, Any], axes: tuple[str | int, ...]) -> Deployment:
    from scenarios.logit_kd.build import build

    return build(read_settings(entry, raw), axes)


def _small(folder: str) -> Deployment:
    from harness.scenario import toy_model, toy_records
    from scenarios.logit_kd.build import assemble

    model = str(toy_model(folder))
    settings = Settings(
        model=model,
        second_model=model,
        data="toy",
        max_tokens=12,
        rounds=2,
        epochs=1,
        clients=3,
        alpha=1.0,
        least=2,
        records=20,
        canaries=4,
        average=4,
        auxiliary=16,
        public=6,
        test=6,
    )
    return assemble(settings, list(toy_records()), ("toy",))


LOGIT_KD = Scenario(
    name="logit_kd",
    summary="Clients with labelled texts and models of their own answer a public set of texts; they learn from what "
    "the server makes of all answers. FedMD: the mean. FedHKT-style: clients average parameters inside groups, and the "
    "groups' answers are weighted, selected and distilled to a larger model and back.",
    threat_model="The server, an edge or one of the clients (client0) is curious about the records of the other "
    "clients: which are in, which classes a client has. It follows the protocol, or, with the behaviour chosen, puts "
    "texts of its choice among the public ones. The encoder and where training starts are public, what clients trained "
    "is not; the attacker holds labelled auxiliary texts of the same kind.",
    source="FedMD: Li and Wang (2019), algorithm 1; FedHKT-style: after Deng, Ren, Tang et al. (2023), reconstructed",
    coalitions={
        "server": "every client's logits (FedMD), or the edges' logits and label counts (FedHKT-style)",
        "client": "client0's own messages and what comes back to all",
        "edge0": "FedHKT-style: parameters and label counts of the first group's clients; edge1 and so on likewise",
    },
    secrets={
        "membership": "whether a candidate record is among its client's, canaries and average records; FedHKT-style "
        "also membership:edge0 and so on: the candidates of that edge's own clients, the only ones that it hears",
        "label_distribution": "each client's class proportions; FedHKT-style also label_distribution:edge0 and so on",
        "class_presence": "which classes each client holds",
        "property": "whether most of a client's texts carry the planted signature, with the setting 'planted'",
    },
    settings=MEANING,
    build=_build,
    small=_small,
    steps=STEPS,
    steps_by="method",
)
