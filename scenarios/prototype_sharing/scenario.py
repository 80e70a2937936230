"""The prototype_sharing scenario as the registry finds it."""

from __future__ import annotations

from typing import Any

from harness.scenario import Deployment, Scenario
from scenarios.prototype_sharing.settings import MEANING, Settings, read_settings
from scenarios.prototype_sharing.steps import STEPS

__all__ = ["PROTOTYPE_SHARING"]


def _build(entry: str, raw: dict[str, Any], axes: tuple[str | int, ...]) -> Deployment:
    from scenarios.prototype_sharing.build import build

    return build(read_settings(entry, raw), axes)


def _small(folder: str) -> Deployment:
    from harness.scenario import toy_model, toy_records
    from scenarios.prototype_sharing.build import assemble

    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        max_tokens=12,
        rank=2,
        rounds=2,
        clients=3,
        alpha=1.0,
        least=2,
        records=22,
        canaries=4,
        average=4,
        auxiliary=16,
        public=4,
        test=6,
        test_of="all",
    )
    return assemble(settings, list(toy_records()), ("toy",))


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
    settings=MEANING,
    build=_build,
    small=_small,
    steps=STEPS,
    steps_by="method",
)
