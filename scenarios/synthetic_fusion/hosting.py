"""FuseGen at the server: parties send the adapters of generators tuned on their records, and the server writes."""

from __future__ import annotations

import torch

from harness.scenario import Kind, Net, load_tokens, tokenizer_folder
from scenarios.synthetic_fusion.adapters import adapted, with_weights
from scenarios.synthetic_fusion.generation import Writer
from scenarios.synthetic_fusion.prompts import Shot, in_turn, listing
from scenarios.synthetic_fusion.servers import Fused, finish, samples

__all__ = ["hosted"]


def hosted(net: Net) -> None:
    """Rebuild every party's generator, then FuseGen as among parties: rounds of texts, shown the chosen samples.

    Raises:
        ProtocolError: adapters of other names or shapes than agreed.
    """
    writers = {name: _writer(net, k, message.tensors()) for k, (name, message) in enumerate(net.gather().items())}
    net.scatter_all(Kind.CONTROL, received=True)
    s, classes, fused, shown = net.settings, sorted(net.settings["prefixes"]), Fused(), Fused()
    for round in range(net.rounds):
        shots: list[Shot] = list(zip(shown.texts, shown.labels, strict=True))
        asked = [label for label in classes for _ in range(s["texts"])]
        for k, (name, writer) in enumerate(writers.items()):
            instruction = in_turn(s["instructions"], k)
            prompts = [listing(instruction, s["prefixes"], shots, label) for label in asked]
            fused.add(writer.write(prompts, net.generator), [classes.index(one) for one in asked], name, classes)
        shown = samples(net, fused) if round < net.rounds - 1 else Fused()
    finish(net, fused, s["boosting"])


def _writer(net: Net, number: int, weights: dict[str, torch.Tensor]) -> Writer:
    s, public = net.settings, net.part("generator")
    tuned = with_weights(adapted(public.part, s["rank"], torch.Generator()), weights)
    heat = in_turn(s["temperatures"], number)
    return Writer(public.of(tuned), load_tokens(tokenizer_folder(s["model"])), s["max_tokens"], heat, s["top_p"])
