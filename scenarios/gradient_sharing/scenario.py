"""Declaration of gradient_sharing: its names, assumptions, secrets and steps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Scenario, Step
from scenarios.gradient_sharing.build import build, small
from scenarios.gradient_sharing.settings import Settings

__all__ = ["GRADIENT_SHARING"]

_ROUND = "each round"
_GLOBAL = (
    Step("server", "averages, takes a step", when=_ROUND),
    Step("server", "the new global model", "clients", "PARAMETERS", _ROUND),
)
_LOCAL = (
    Step("clients", "train the global model on their own batches", when=_ROUND),
    Step("clients", "by how much it changed", "server", "PARAMETERS", _ROUND),
    *_GLOBAL,
)

STEPS: Mapping[str, tuple[Step, ...]] = {
    "fedsgd": (
        Step("clients", "compute the gradient of one batch", when=_ROUND),
        Step("clients", "the gradient", "server", "GRADIENT", _ROUND),
        *_GLOBAL,
    ),
    "fedavg": _LOCAL,
    "fedprox": _LOCAL,
}

GRADIENT_SHARING = Scenario(
    name="gradient_sharing",
    summary="Clients fine-tune one language model together: each sends the gradient of a batch of its texts (FedSGD), "
    "or by how much local training changed the model (FedAvg, FedProx); the server averages and sends the new model "
    "back. The horizontal reference that knowledge sharing is compared with.",
    threat_model="The server is honest but curious. It knows the model in every round and sees every client's gradient "
    "or update, or with secure aggregation their sum. It wants the texts and labels of batches, and which records a "
    "client has. client0 may be curious, too: it sees the global model of every round. With the setting server = "
    "malicious, in suites of its own, the server breaks the protocol: it alters the model before attacked rounds. The "
    "attacker knows batch sizes, "
    "not lengths, labels or padding, and holds labelled auxiliary texts of the same kind.",
    source="FedSGD and FedAvg: McMahan, Moore, Ramage, Hampson and Aguera y Arcas (2017), algorithm 1; FedProx: Li et "
    "al. (2020), algorithm 2; the server's optimiser: Reddi et al. (2021), algorithm 2",
    coalitions={
        "server": "every client's gradient or update, or their sum, and the global model of every round",
        "client": "client0's own messages and the global model of every round",
    },
    secrets={
        "batch_texts": "the texts of the attacked rounds' batches, as a set for each client",
        "words": "the tokens of these texts, as one bag for each client",
        "count:batch": "the number of these texts in each class",
        "membership": "whether a candidate record is among its client's, canaries and average records",
        "label_distribution": "each client's class proportions",
        "class_presence": "which classes each client holds",
        "property": "whether most of a client's texts carry the planted signature, with the setting 'planted'",
    },
    settings=Settings,
    build=build,
    small=small,
    steps=STEPS,
    steps_by="method",
)
