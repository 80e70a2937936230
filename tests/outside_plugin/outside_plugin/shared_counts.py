"""Counts by class and length, added up by a server: a scenario in one file, on texts that need no download."""

from __future__ import annotations

from collections.abc import Generator

import torch
from pydantic import Field

from harness.scenario import (
    LOCAL_ONLY,
    Classification,
    Deployment,
    DistributionSecret,
    Item,
    Kind,
    Message,
    Net,
    Party,
    PartyPlan,
    Public,
    Scenario,
    Sent,
    Settings,
    Step,
    content_hash,
    draw,
    numpy_generator,
    toy_records,
)


class CountSettings(Settings):
    """What a suite entry may set."""

    clients: int = Field(3, ge=2, le=6, description="data parties")


def client(me: Party) -> Generator[Sent, Message, None]:
    """The private party."""
    labels = me.settings["labels"]
    counts = torch.zeros(len(labels), 10)
    for record in me.records:
        counts[labels.index(record.label), min(len(record.text) // 16, 9)] += 1
    reply = yield me.send(Kind.PARAMETERS, counts=counts)
    for item in me.items:
        best = int(reply["counts"][:, min(len(item.text) // 16, 9)].argmax())
        me.predict(item.id, {"label": labels[best]})


def server(net: Net) -> None:
    """The curious party."""
    heard = {name: message["counts"] for name, message in net.gather().items()}
    total = torch.stack([*heard.values()]).sum(0)
    alone = net.behaviour == LOCAL_ONLY
    net.scatter(Kind.PARAMETERS, {name: {"counts": own if alone else total} for name, own in heard.items()})


def build(settings: CountSettings, axes: tuple[str | int, ...]) -> Deployment:
    """The deployment of a suite entry."""
    splits = draw(toy_records(), {"private": 18, "auxiliary": 12, "test": 18}, numpy_generator(*axes), balance=False)
    labels = sorted({str(record.label) for record in toy_records()})
    plans, answers, shares = {}, {}, {}
    for k in range(settings.clients):
        name, own, test = f"client{k}", splits.private[k :: settings.clients], splits.test[k :: settings.clients]
        items = tuple(Item(f"{name}.t{i}", record.text) for i, record in enumerate(test))
        records = tuple(Item(f"{name}.r{i}", record.text, record.label) for i, record in enumerate(own))
        plans[name] = PartyPlan(items, {}, {"labels": labels}, (), ("defense", *axes), records)
        answers.update({item.id: str(record.label) for item, record in zip(items, test, strict=True)})
        shares[name] = {label: sum(record.label == label for record in own) / len(own) for label in labels}
    return Deployment(
        function=f"{__name__}:client",
        curious=server,
        parties=plans,
        public=Public(auxiliary=splits.auxiliary),
        secrets={"label_distribution": DistributionSecret(shares)},
        tasks=(Classification(answers),),
        model_id="none",
        data_id=content_hash(splits.private),
        knockout="rows",
    )


SHARED_COUNTS = Scenario(
    name="shared_counts",
    summary="Clients send counts by class and length; texts are classified by the sum.",
    threat_model="The server follows the protocol and sees each client's counts.",
    source="a test; no paper",
    coalitions={"server": "every message"},
    secrets={"label_distribution": "class proportions of each client"},
    settings=CountSettings,
    build=build,
    small=lambda folder: build(CountSettings(), ("toy",)),
    steps={
        "": (
            Step("clients", "counts by class and length", "server", "PARAMETERS"),
            Step("server", "the sum of all counts", "clients", "PARAMETERS"),
        )
    },
)
