"""Declaration of logit_kd: its names, assumptions, secrets and steps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Scenario, Step
from scenarios.logit_kd.build import build, small
from scenarios.logit_kd.settings import Settings

__all__ = ["LOGIT_KD"]

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
    settings=Settings,
    build=build,
    small=small,
    steps=STEPS,
    steps_by="method",
)
