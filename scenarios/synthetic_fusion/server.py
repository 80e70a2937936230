"""The curious server: it fuses texts (FuseGen), or lets private votes steer public generators (Aug-PE, WASP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from harness.scenario import Floats, Kind, Net, ProtocolError, load_tokens, tokenizer_folder
from scenarios.synthetic_fusion.adapters import adapted, with_weights
from scenarios.synthetic_fusion.aug_pe import survivors, varied
from scenarios.synthetic_fusion.fusegen import boosted, feedback
from scenarios.synthetic_fusion.generation import Writer
from scenarios.synthetic_fusion.heads import fit_head
from scenarios.synthetic_fusion.prompts import Shot, in_turn, listing
from scenarios.synthetic_fusion.public_generators import PublicGenerators
from scenarios.synthetic_fusion.synthetic_texts import SyntheticTexts
from scenarios.synthetic_fusion.wasp import contrasted, generator_shares, samples_by_class

__all__ = ["PROBES", "READER", "SERVERS", "aug_pe", "fusegen", "hosted_fusegen", "wasp"]

READER = "reader"
"""Receiver of the released synthetic texts: the public."""
PROBES = "probes"
"""Behaviour of a server that puts the candidates among the texts to be voted on."""


def fusegen(net: Net) -> None:
    """FuseGen's server: gathers texts, shows the chosen ones to every generator, fits the weighted task model."""
    classes, fused = sorted(net.settings["prefixes"]), SyntheticTexts()
    for round_ in range(net.rounds):
        for name, message in net.gather().items():
            fused.add(message["texts"], message["labels"], name, classes)
        shown = _samples(net, fused) if round_ < net.rounds - 1 else SyntheticTexts()
        net.scatter_all(Kind.SYNTHETIC_TEXT, texts=shown.texts, labels=shown.labels)
    _release(net, fused, net.settings["boosting"])


def hosted_fusegen(net: Net) -> None:
    """Rebuild every party's generator, then FuseGen as among parties: rounds of texts, shown the chosen samples.

    Raises:
        ProtocolError: adapters of other names or shapes than agreed.
    """
    writers = {name: _tuned_writer(net, k, message.tensors()) for k, (name, message) in enumerate(net.gather().items())}
    net.scatter_all(Kind.CONTROL, received=True)
    s, classes, fused, shown = net.settings, sorted(net.settings["prefixes"]), SyntheticTexts(), SyntheticTexts()
    for round_ in range(net.rounds):
        shots: list[Shot] = list(zip(shown.texts, shown.labels, strict=True))
        asked = [label for label in classes for _ in range(s["texts"])]
        for k, (name, writer) in enumerate(writers.items()):
            instruction = in_turn(s["instructions"], k)
            prompts = [listing(instruction, s["prefixes"], shots, label) for label in asked]
            fused.add(writer.write(prompts, net.generator), [classes.index(label) for label in asked], name, classes)
        shown = _samples(net, fused) if round_ < net.rounds - 1 else SyntheticTexts()
    _release(net, fused, s["boosting"])


def aug_pe(net: Net) -> None:
    """Aug-PE's server: of every label keep the texts of most votes, write variations of them, ask again."""
    s, classes, generators = net.settings, sorted(net.settings["prefixes"]), PublicGenerators(net)
    net.gather()
    population = SyntheticTexts(*generators.initial())
    for round_ in range(net.rounds):
        votes = _votes(net, population, round_)["votes"]
        population = survivors(votes, population, classes, s["texts"], s["variations"])
        if round_ < net.rounds - 1:
            population = population.with_more(varied(generators, population.texts, population.labels, s["variations"]))
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=[], labels=[])
    _release(net, population)


def wasp(net: Net) -> None:
    """WASP's server: near and far texts make the next prompts, near votes also the shares of the generators."""
    s, classes, generators = net.settings, sorted(net.settings["prefixes"]), PublicGenerators(net)
    net.gather()
    texts = SyntheticTexts(*generators.initial())
    for round_ in range(net.rounds):
        votes = _votes(net, texts, round_)
        near, far = (samples_by_class(votes[field], texts, classes, s["shots"]) for field in ("votes", "far"))
        owners = [generators.names.index(owner) for owner in texts.owners]
        shares = generator_shares(votes["votes"], owners, len(generators.names))
        texts = texts.with_more(contrasted(generators, near, far, classes, shares))
    net.own["shares"] = [float(share) for share in shares]
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=[], labels=[])
    _release(net, texts)


SERVERS: Mapping[str, Callable[[Net], None]] = {
    "fusegen": fusegen,
    "private_fusegen": fusegen,
    "hosted_fusegen": hosted_fusegen,
    "aug_pe": aug_pe,
    "wasp": wasp,
}
"""Method -> its server."""


def _samples(net: Net, fused: SyntheticTexts) -> SyntheticTexts:
    """FuseGen's in-context samples for the next round, out of all texts so far; none where the setting says so."""
    s = net.settings
    if not s["shots"] or not fused.texts:
        return SyntheticTexts()
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=net.generator)))
    rows = feedback(
        _embedded(net, fused.texts),
        fused.labels,
        fused.owners,
        sorted(s["prefixes"]),
        rng,
        candidates=s["screened"],
        samples=s["shots"],
        high=s["high"],
    )
    return fused.rows(rows.tolist())


def _tuned_writer(net: Net, number: int, weights: dict[str, torch.Tensor]) -> Writer:
    s, public = net.settings, net.part("generator")
    tuned = with_weights(adapted(public.part, s["rank"], torch.Generator()), weights)
    heat = in_turn(s["temperatures"], number)
    return Writer(public.of(tuned), load_tokens(tokenizer_folder(s["model"])), s["max_tokens"], heat, s["top_p"])


def _votes(net: Net, asked: SyntheticTexts, round_: int) -> Mapping[str, Floats]:
    """Histograms of all parties together over the texts ``asked``, which are sent out first.

    The behaviour ``probes`` puts candidates in the places of some, so that no party can tell it by counting; those have
    no votes in what follows.

    Raises:
        ProtocolError: a histogram of another length.
    """
    probes = _probed(asked.labels, net.settings["probes"], round_) if net.behaviour == PROBES else {}
    texts = [probes.get(place, text) for place, text in enumerate(asked.texts)]
    net.scatter_all(Kind.SYNTHETIC_TEXT, texts=texts, labels=asked.labels)
    total: dict[str, Floats] = {}
    for name, message in net.gather(reduce="sum" if net.settings["aggregation"] == "sum" else None).items():
        for key, votes in message.tensors().items():
            if len(votes) != len(texts):
                raise ProtocolError(f"{name} sent {len(votes)} {key} for {len(texts)} texts")
            total[key] = total.get(key, 0.0) + votes.double().numpy()
    for cells in total.values():
        cells[list(probes)] = 0.0
    return total


def _probed(labels: Sequence[str], probes: Sequence[tuple[str, str]], round_: int) -> dict[int, str]:
    """Place -> candidate of the same label put there. Where a round has too few places, the next one goes on."""
    chosen: dict[int, str] = {}
    for label in sorted(set(labels)):
        places = [place for place, other in enumerate(labels) if other == label]
        texts = [text for text, other in probes if other == label]
        first = round_ * len(places) if len(texts) > len(places) else 0
        turn = [texts[(first + n) % len(texts)] for n in range(min(len(places), len(texts)))]
        chosen |= dict(zip(places[::-1], turn, strict=False))
    return chosen


def _release(net: Net, texts: SyntheticTexts, iterations: int = 0) -> None:
    """Release the texts, fit the task model and answer the test texts.

    FuseGen's ``iterations`` of boosting weigh the texts; without any they count alike.

    Raises:
        ProtocolError: there is no text.
    """
    classes = sorted(net.settings["prefixes"])
    if not texts.texts:
        raise ProtocolError("no party sent a usable synthetic text: there is nothing to release")
    x = _embedded(net, texts.texts)
    weights = np.ones(len(x))
    head = fit_head(x, texts.labels, classes)
    if iterations:
        head, weights = boosted(x, texts.labels, classes, iterations)
    net.relay(
        "server",
        READER,
        Kind.SYNTHETIC_TEXT,
        round=net.rounds,
        texts=texts.texts,
        labels=texts.labels,
        weights=torch.from_numpy(weights).float(),
    )
    test = net.settings["test"]
    for name, label in zip(test, head.labels(_embedded(net, list(test.values()))), strict=True):
        net.predict(name, {"label": label})


def _embedded(net: Net, texts: Sequence[str]) -> Floats:
    vectors: Floats = net.embed(texts).double().numpy()
    return vectors
