"""Declaration of prototype_sharing: its names, assumptions, secrets and steps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Scenario, Step
from scenarios.prototype_sharing.build import build, small
from scenarios.prototype_sharing.settings import Settings

__all__ = ["PROTOTYPE_SHARING"]

_ROUND = "each round"


def _round(sent: str, combined: str) -> tuple[Step, ...]:
    return (
        Step("clients", "train, pulled to the global prototypes", when=_ROUND),
        Step("clients", sent, "server", "PROTOTYPE", _ROUND),
        Step("server", combined, when=_ROUND),
        Step("server", "global prototypes", "clients", "PROTOTYPE", _ROUND),
    )


STEPS: Mapping[str, tuple[Step, ...]] = {
    "fedproto": _round("class means; weighted: counts, too", "averages class by class"),
    "fedtgp": _round("class means", "trains prototypes with a margin"),
}

PROTOTYPE_SHARING = Scenario(
    name="prototype_sharing",
    summary="Clients with labelled texts of different classes send, in every round, the mean feature vector of each "
    "class that they hold; the server makes global prototypes of them, by averaging (FedProto) or by training "
    "(FedTGP), towards which the clients train. Texts are classified by the nearest global prototype.",
    threat_model="The server, or one of the clients (client0), follows the protocol and is curious about the records "
    "of the other clients: which are in, which classes and how many of each a client has, and the text itself where a "
    "class has one record only, so that its prototype is that record's embedding. The encoder and where training "
    "starts are public, what clients trained is not; the attacker holds labelled auxiliary texts of the same kind.",
    source="FedProto: Tan, Long, Liu, Zhou, Lu, Jiang, Zhang (2022), section 4; FedTGP: Zhang, Liu, Hua, Cao (2024), "
    "section 3. Real encoders and texts in place of the papers' images.",
    coalitions={
        "server": "every message, each client's prototypes by name",
        "client": "client0's own messages and the global prototypes that come back",
    },
    secrets={
        "membership": "whether a candidate record is among its client's, canaries and average records",
        "label_distribution": "each client's class proportions",
        "class_presence": "which classes each client holds",
        "count": "how many records of each class each client holds",
        "text": "the text of every class of which a client holds a single record, as client/class",
        "words": "the words of every class of which a client holds 2 to 10 records, all together, as client/class",
        "property": "whether most of a client's texts carry the planted signature, with the setting 'planted'",
    },
    settings=Settings,
    build=build,
    small=small,
    steps=STEPS,
    steps_by="method",
)
