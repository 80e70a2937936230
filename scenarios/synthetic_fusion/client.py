"""The private parties: they write synthetic texts, tune a generator, or vote for the texts of the server."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from math import sqrt

import torch
from torch import Tensor, nn

from harness.scenario import MODEL, Bound, Floats, Kind, Message, MeteredPart, Party, Sent, Value
from scenarios.synthetic_fusion.adapters import adapted, adapter_weights, next_token_loss, training_rows
from scenarios.synthetic_fusion.generation import Writer
from scenarios.synthetic_fusion.heads import fit_head, labels_by_words
from scenarios.synthetic_fusion.prompts import Shot, listing
from scenarios.synthetic_fusion.votes import halving, histogram, vote_norm

__all__ = ["CLIENTS", "alone", "generator_party", "sensitivity", "tuner", "voter"]


def generator_party(me: Party) -> Generator[Sent, Message, None]:
    """FuseGen: write texts of every label, round by round, shown the samples that the server chose among all parties'.

    In ``private_fusegen`` the generator has learned from the party's records before. Labels go as class numbers.
    """
    s, private = me.settings, me.settings["method"] == "private_fusegen"
    writer = Writer(_model(me, private), me.tokenizer, s["max_tokens"], s["temperature"], s["top_p"])
    shots: list[Shot] = []
    classes = sorted(s["prefixes"])
    for round_ in range(s["rounds"]):
        labels = [label for label in classes for _ in range(s["texts"])]
        prompts = [listing(s["instruction"], s["prefixes"], shots, label) for label in labels]
        texts = writer.write(prompts, me.generator)
        written = [(text, label) for text, label in zip(texts, labels, strict=True) if text]
        reply = yield me.send(
            Kind.SYNTHETIC_TEXT,
            round=round_,
            texts=[text for text, _ in written],
            labels=[classes.index(label) for _, label in written],
            sensitivity=dict.fromkeys(("texts", "labels"), MODEL if private else 0.0),
        )
        shots = list(zip(reply["texts"], reply["labels"], strict=True))


def tuner(me: Party) -> Generator[Sent, Message, None]:
    """The first half of ``private_fusegen`` alone: tune a generator on the own records and send its adapters."""
    weights = adapter_weights(_tuned(me))
    payload: dict[str, Value] = {name: tensor.clone() for name, tensor in weights.items()}
    yield me.send(Kind.PARAMETERS, round=0, sensitivity=dict.fromkeys(payload, MODEL), **payload)


def voter(me: Party) -> Generator[Sent, Message, None]:
    """Aug-PE and WASP: every record votes for the nearest texts of its label, in WASP also for the farthest."""
    s, weights = me.settings, halving(me.settings["ranks"])
    records, owners = _array(me.embed(me.records)), [str(r.label) for r in me.records]
    reply = yield me.send(Kind.CONTROL, ready=True, sensitivity={"ready": 0.0})
    for round_ in range(s["rounds"]):
        texts, labels = _array(me.embed(reply["texts"])), reply["labels"]
        votes = {"votes": histogram(records, owners, texts, labels, weights)}
        if s["method"] == "wasp":
            votes["far"] = histogram(records, owners, texts, labels, weights, farthest=True)
        payload: dict[str, Value] = {name: torch.from_numpy(cells).float() for name, cells in votes.items()}
        reply = yield me.send(
            Kind.VOTE, round=round_, sensitivity=dict.fromkeys(payload, sensitivity(weights)), **payload
        )


def alone(me: Party) -> Generator[Sent, Message, None]:
    """Fit a task model on the own real records and send nothing: the utility references.

    With labelled public texts a model of words, TF-IDF and logistic regression, on them and the own records.
    """
    for item, label in zip(me.items, _labels_alone(me) if me.items else (), strict=True):
        me.predict(item.id, {"label": label})
    yield from ()


def sensitivity(weights: Sequence[float]) -> Bound:
    """Bound on the change of a histogram by one record's vote of these ``weights``: two votes never cancel, so that
    replacing one by another is at worst orthogonal.
    """
    norm = vote_norm(weights)
    return Bound(norm, replace=sqrt(2) * norm, l1=sum(weights))


CLIENTS: Mapping[str, str] = {
    "fusegen": "generator_party",
    "private_fusegen": "generator_party",
    "hosted_fusegen": "tuner",
    "aug_pe": "voter",
    "wasp": "voter",
}
"""Method -> name of its party's function in this module."""


def _model(me: Party, private: bool) -> MeteredPart:
    """The public generator, or a copy tuned on the own records."""
    public = me.part("generator")
    return public.of(_tuned(me)) if private else public


def _tuned(me: Party) -> nn.Module:
    """A copy of the public generator with adapters that learned the own records."""
    s = me.settings
    pairs = [(listing(s["instruction"], s["prefixes"], (), str(r.label)), r.text) for r in me.records]
    tuned = adapted(me.part("generator").part, s["rank"], me.generator)
    data = training_rows(me.tokenizer, pairs, s["max_tokens"])
    me.train(tuned, next_token_loss, data=data, epochs=s["epochs"], batch_size=s["batch"], lr=s["learning_rate"])
    return tuned


def _labels_alone(me: Party) -> list[str]:
    """A label for each item, learned from what the party has without any protocol."""
    own, public = [str(record.label) for record in me.records], me.settings["public_labels"]
    if public:
        texts = [*(record.text for record in me.records), *me.public_texts]
        return labels_by_words(texts, [*own, *public], [item.text for item in me.items])
    return fit_head(_array(me.embed(me.records)), own, sorted(me.settings["prefixes"])).labels(
        _array(me.embed(me.items))
    )


def _array(x: Tensor) -> Floats:
    array: Floats = x.double().numpy()
    return array
