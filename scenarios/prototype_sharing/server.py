"""The curious server of FedProto and FedTGP."""

from __future__ import annotations

from harness.scenario import Kind, Net
from scenarios.prototype_sharing.fedproto import averaged, read
from scenarios.prototype_sharing.fedtgp import PrototypeGenerator, train_prototypes

__all__ = ["server"]


def server(net: Net) -> None:
    """Make global prototypes of what the clients send: class means of every client in every round."""
    settings = net.settings
    classes, width = len(settings["labels"]), int(settings["width"])
    generator = net.fresh(PrototypeGenerator(classes, width)) if settings["method"] == "fedtgp" else None
    for _ in range(net.rounds):
        uploads = [read(message, classes, width) for message in net.gather().values()]
        if generator is None:
            shared = averaged(uploads, settings["weighting"] == "weighted", width)
        else:
            shared = train_prototypes(net, generator, uploads, settings)
        net.scatter_all(Kind.PROTOTYPE, classes=shared.classes, means=shared.means)
    net.own["classes"], net.own["means"] = shared.classes, shared.means
