"""Histogram sharing: clients count their texts by class and length; the server adds up; the sum classifies."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch

import harness.scenario as hs

SCENARIOS = {"length_counts": f"{__name__}:LENGTH_COUNTS"}


def client(me: hs.Party) -> Generator[hs.Sent, hs.Message, None]:
    """The private party: counts, sends, and answers with the most frequent class of a text's length."""
    labels, counts = me.settings["labels"], torch.zeros(len(me.settings["labels"]), 10)
    for record in me.records:
        counts[labels.index(record.label), min(len(record.text) // 16, 9)] += 1
    reply = yield me.send(hs.Kind.PARAMETERS, counts=counts)
    for item in me.items:
        me.predict(item.id, {"label": labels[int(reply["counts"][:, min(len(item.text) // 16, 9)].argmax())]})


def server(net: hs.Net) -> None:
    """The curious party: sends everyone the sum, or its own counts where nobody shares."""
    heard = {name: message["counts"] for name, message in net.gather().items()}
    alone, total = net.behaviour == "local_only", torch.stack([*heard.values()]).sum(0)
    net.scatter(hs.Kind.PARAMETERS, {name: {"counts": own if alone else total} for name, own in heard.items()})


def assemble(pool: Sequence[hs.Record], scale: int, axes: tuple[str | int, ...]) -> hs.Deployment:
    """Three clients with ``6 * scale`` records each; every draw is seeded by ``axes``."""
    sizes = {"private": 18 * scale, "auxiliary": 12 * scale, "test": 9 * scale}
    splits = hs.draw(pool, sizes, hs.numpy_generator("splits", *axes), balance=False)
    labels = sorted({str(record.label) for record in pool})
    plans, answers, shares = {}, {}, {}
    for name, own, test in ((f"client{k}", splits.private[k::3], splits.test[k::3]) for k in range(3)):
        records = tuple(hs.Item(f"{name}.r{i}", record.text, record.label) for i, record in enumerate(own))
        items = tuple(hs.Item(f"{name}.t{i}", record.text) for i, record in enumerate(test))
        plans[name] = hs.PartyPlan(items, {}, {"labels": labels}, (), ("defense", *axes), records)
        answers.update({item.id: str(record.label) for item, record in zip(items, test, strict=True)})
        shares[name] = {label: sum(record.label == label for record in own) / len(own) for label in labels}
    public = hs.Public(splits.auxiliary, (hs.PopulationFacts(parties=tuple(plans), labels=tuple(labels)),))
    secret, tasks, data = hs.DistributionSecret(shares), (hs.Classification(answers),), hs.content_hash(splits.private)
    place, secrets = f"{__name__}:client", {"label_distribution": secret}
    return hs.Deployment(place, server, plans, public, secrets, tasks, "none", data, knockout="rows")


LENGTH_COUNTS = hs.Scenario(
    name="length_counts",
    summary="Clients send counts of their texts by class and length; texts are classified by the sum.",
    threat_model="The server follows the protocol and sees each client's counts.",
    source="an example; no paper",
    coalitions={"server": "every message"},
    secrets={"label_distribution": "class proportions of each client"},
    settings=hs.Settings,
    build=lambda _, axes: assemble(hs.records(hs.load("sms_spam")), 20, axes),
    small=lambda _: assemble(hs.toy_records(), 1, ("toy",)),
)
