"""Deployments of split_llm that fine-tune a classifier: private records to learn from, held-out texts to label.

Utility is measured from what the party can do alone: its own blocks with a class head of its own on the same batches,
or word frequencies with logistic regression on the same records, whichever labels better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    AttributeSecret,
    Classification,
    Deployment,
    FinetuneFacts,
    Item,
    PartRef,
    PartyPlan,
    Public,
    Record,
    Score,
    Secret,
    Splits,
    SuiteError,
    Tokens,
    batches,
    content_hash,
    cut_block,
    depth,
    draw,
    load_tokens,
    make,
    numpy_generator,
    tokenizer_folder,
    torch_generator,
)
from scenarios.common.pool import of_wanted_classes, read_records
from scenarios.split_llm import calibration
from scenarios.split_llm.client import prompt
from scenarios.split_llm.finetune_server import finetune_server, idle
from scenarios.split_llm.secrets import secrets_of
from scenarios.split_llm.settings import Settings, Training

if TYPE_CHECKING:
    import numpy

__all__ = ["Accuracy", "assemble_finetuning", "build_finetuning", "small_finetuning"]

PARTY = "data_party"
MIN_TOKENS = 4
"""Tokens that a text must have to enter the data."""
NORM_TEXTS = 16
"""Public texts from which the typical norm of a message is measured."""
_CLIENT = "scenarios.split_llm.finetune_client"

Axes = tuple[str | int, ...]


@dataclass(frozen=True)
class Accuracy(Classification):
    """Accuracy on held-out texts; without the protocol, that of word frequencies learned from the same records."""

    plain: Mapping[str, str] = field(default_factory=dict)
    """Label of each text by TF-IDF and logistic regression."""

    def blind(self) -> tuple[Score, ...]:
        """The better of the most frequent label and the labels by word frequencies."""
        guesses = [super().blind(), self.score({r: {"label": label} for r, label in self.plain.items()}, {})]
        return max(guesses, key=lambda scores: sum(score.value or 0.0 for score in scores))


def build_finetuning(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of a suite entry with a ``training`` table."""
    pool = read_records(settings.data, settings.data_options)
    return assemble_finetuning(settings, pool, (*axes, settings.data))


def small_finetuning(folder: str, *, topology: Any = "head-body-tail", **training: Any) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    sizes = {"records": 12, "auxiliary": 14, "public": 6, "max_tokens": 10}
    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        cut=1,
        topology=topology,
        tail_blocks=1,
        training=Training(**{"epochs": 2, "batch_size": 4, "test": 6, "hints": 2, "rank": 2, **training}),
        **sizes,
    )
    return assemble_finetuning(settings, list(toy_records()), ("toy",))


def assemble_finetuning(settings: Settings, pool: Sequence[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on the labelled records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    assert settings.training is not None
    training, tokens = settings.training, load_tokens(tokenizer_folder(settings.model))
    long_enough = [record for record in pool if len(tokens.encode(record.text)) >= MIN_TOKENS]
    known = of_wanted_classes(long_enough, settings.data, 2, training.classes)
    labels = tuple(sorted({str(record.label) for record in known}))
    if settings.label_words and sorted(settings.label_words) != list(labels):
        raise SuiteError(f"label_words {sorted(settings.label_words)} do not match the data's labels {list(labels)}")
    splits = _splits(settings, training, known, axes)
    layout = _layout(settings)
    private = tuple(Item(f"t{i}", r.text, str(r.label)) for i, r in enumerate(splits.private))
    if training.permuted:
        order = numpy_generator("permuted", *axes).permutation(len(private)).tolist()
        private = tuple(replace(one, label=private[place].label) for one, place in zip(private, order, strict=True))
    shared = _shared(settings, training, splits, labels, tokens, layout.cut, axes)
    hints = _hints(training, private, labels, axes)
    facts = FinetuneFacts(
        model=settings.model,
        max_tokens=settings.max_tokens,
        prefix=tuple(shared["prefix"]),
        suffix=tuple(shared["suffix"]),
        special_ids=tokens.special_ids,
        batches=tuple(tuple(private[place].id for place in batch) for batch in shared["batches"]),
        labels=labels,
        hints=hints,
        cut=layout.cut,
        tail=layout.tail,
        depth=layout.depth,
        topology=settings.topology,
    )
    plan = PartyPlan(
        items=tuple(Item(f"r{i}", record.text) for i, record in enumerate(splits.test)),
        records=private,
        parts=layout.private,
        settings=shared,
        public_texts=tuple(record.text for record in splits.public),
        seed=("defense", *axes),
    )
    live = Deployment(
        function=f"{_CLIENT}:finetune_party",
        curious=finetune_server,
        imports=("peft",),
        parties={PARTY: plan},
        curious_parts=layout.curious,
        public=Public(auxiliary=splits.auxiliary, facts=(facts,)),
        secrets=_secrets(settings, splits, private, labels, hints, tokens),
        tasks=(_accuracy(private, splits.test),),
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{content_hash([make(one.text, label=one.label) for one in private])}",
        truth={"labels": {one.id: one.label for one in private}},
        entitlement=_entitlement(settings, training, splits),
    )
    alone = replace(live, function=f"{_CLIENT}:alone_party", curious=idle, secrets={}, curious_parts={})
    again = partial(_redraw, live, splits.auxiliary) if len(splits.auxiliary) >= len(private) else None
    return replace(live, variants={"local_only": lambda: alone}, redraw=again)


@dataclass(frozen=True)
class _Layout:
    """The blocks that each party holds."""

    cut: int
    tail: int
    depth: int
    private: Mapping[str, PartRef]
    curious: Mapping[str, PartRef]


def _layout(settings: Settings) -> _Layout:
    model, blocks, cut = settings.model, depth(settings.model), cut_block(settings.model, settings.cut)
    u_shaped = settings.topology == "head-body-tail"
    tail = blocks - settings.tail_blocks if u_shaped else blocks
    if not 0 < cut < tail:
        raise SuiteError(
            f"model {model!r}: the cut at block {cut} leaves one side no block to train: the private blocks end "
            f"there, the model party's at block {tail}"
        )
    private = {"head": PartRef(model, 0, cut)}
    private |= {"tail": PartRef(model, tail, None, embed=False)} if u_shaped else {}
    body = PartRef(model, cut, tail if u_shaped else None, embed=False)
    return _Layout(cut, tail, blocks, private, {"body": body})


def _splits(settings: Settings, training: Training, pool: Sequence[Record], axes: Axes) -> Splits:
    sizes = {
        "private": settings.records,
        "auxiliary": settings.auxiliary,
        "public": settings.public,
        "test": training.test,
    }
    apart = training.groups_apart
    return draw(pool, sizes, numpy_generator("splits", *axes), disjoint_groups=apart, balance=training.balanced)


def _shared(
    settings: Settings, training: Training, splits: Splits, labels: Sequence[str], tokens: Tokens, cut: int, axes: Axes
) -> dict[str, Any]:
    """Settings that both sides know; the batches are the harness's own draw."""
    template = {
        "prefix": [*tokens.prefix, *tokens.encode(settings.prefix)],
        "suffix": [*tokens.encode(settings.suffix), *tokens.suffix],
        "max_tokens": settings.max_tokens,
    }
    drawn = batches(len(splits.private), training.batch_size, training.epochs, torch_generator("batches", *axes))
    prompts = [prompt(tokens.encode(record.text), template) for record in splits.public[:NORM_TEXTS]]
    return {
        **template,
        "topology": settings.topology,
        "labels": list(labels),
        "label_words": {label: tokens.encode(word)[0] for label, word in settings.label_words.items()},
        "rank": training.rank,
        "lr": training.lr,
        "batches": [batch.tolist() for batch in drawn],
        "typical_norm": calibration.typical_norms(settings.model, cut, prompts, pooled=False),
    }


def _hints(training: Training, private: Sequence[Item], labels: Sequence[str], axes: Axes) -> dict[str, str]:
    """As many records of each class, at random, whose labels the attacker knows."""
    rng = numpy_generator("hints", *axes)
    order = [private[place] for place in rng.permutation(len(private)).tolist()]
    each = training.hints // len(labels)
    chosen = [one for label in labels for one in [r for r in order if r.label == label][:each]]
    return {one.id: str(one.label) for one in sorted(chosen, key=private.index)}


def _secrets(
    settings: Settings,
    splits: Splits,
    private: Sequence[Item],
    labels: Sequence[str],
    hints: Mapping[str, str],
    tokens: Tokens,
) -> dict[str, Secret]:
    truth = {one.id: int(one.label == labels[1]) for one in private if one.id not in hints}
    if len(set(truth.values())) < 2:
        raise SuiteError("training: the records that are no hints are all of one class; give more records")
    ids = {record.id: one.id for record, one in zip(splits.private, private, strict=True)}
    texts = secrets_of(settings, splits, tokens, ids)
    return {"label": AttributeSecret(truth), **texts}


def _accuracy(private: Sequence[Item], test: Sequence[Record]) -> Accuracy:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1000))
    model.fit([one.text for one in private], [one.label for one in private])
    guesses = [str(label) for label in model.predict([record.text for record in test])]
    return Accuracy(
        {f"r{i}": str(record.label) for i, record in enumerate(test)},
        plain={f"r{i}": guess for i, guess in enumerate(guesses)},
    )


def _redraw(
    live: Deployment, auxiliary: Sequence[Record], rng: numpy.random.Generator, members: Mapping[str, bool]
) -> Deployment:
    """A shadow deployment: the same batches over records of the attacker's, of as many of each class."""
    plan = live.parties[PARTY]
    left = [auxiliary[place] for place in rng.permutation(len(auxiliary)).tolist()]
    counts = Counter(one.label for one in plan.records)
    chosen: list[Record] = []
    for label, count in sorted(counts.items(), key=str):
        chosen += [record for record in left if record.label == label][:count]
    taken = {record.id for record in chosen}
    chosen += [record for record in left if record.id not in taken][: len(plan.records) - len(chosen)]
    order = rng.permutation(len(chosen)).tolist()
    records = tuple(Item(f"t{i}", chosen[place].text, str(chosen[place].label)) for i, place in enumerate(order))
    truth = {"labels": {one.id: one.label for one in records}}
    return replace(live, parties={PARTY: replace(plan, records=records)}, truth=truth, secrets={}, variants={})


def _entitlement(settings: Settings, training: Training, splits: Splits) -> dict[str, Any]:
    return {
        "weights": "start known, training hidden",
        "auxiliary": len(splits.auxiliary),
        "auxiliary_domain": "in",
        "known_labels": training.hints,
        "batches": "record ids of every round",
        "attacked_records": settings.attacked or settings.records,
        "queries": "passive",
        "rounds": "all",
    }
