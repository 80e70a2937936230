"""From a suite entry's settings to a deployment: data drawn, model cut, template tokenised, classifier calibrated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import log
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Agreement,
    AttributeSecret,
    Classification,
    Deployment,
    Item,
    Likelihood,
    PartRef,
    PartyPlan,
    Public,
    Record,
    Secret,
    Splits,
    SuiteError,
    TextSecret,
    Tokens,
    UtilityTask,
    assert_disjoint,
    content_hash,
    draw,
    load_tokens,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.split_llm import calibrate, protocol
from scenarios.split_llm.settings import Settings

if TYPE_CHECKING:
    from harness.scenario import Net

__all__ = ["assemble", "build"]

PARTY = "data_party"
MIN_TOKENS = 4
FREQUENT = 100
NORM_TEXTS = 16

Axes = tuple[str | int, ...]


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset it names."""
    from harness.scenario import load, records

    tokens = load_tokens(tokenizer_folder(settings.model))
    pool = [
        record
        for record in records(load(settings.data, **settings.data_options))
        if len(tokens.encode(record.text)) >= MIN_TOKENS
    ]
    return assemble(settings, pool, (*axes, settings.data))


def assemble(settings: Settings, pool: list[Record], axes: Axes) -> Deployment:
    """The deployment of ``settings`` on the records of ``pool``; every draw is seeded by ``axes``."""
    from harness.scenario import model_hash

    tokens = load_tokens(tokenizer_folder(settings.model))
    layout = _layout(settings, tokens)
    splits = _splits(settings, pool, axes)
    template = _template(settings, tokens)
    shared = {**template, "max_tokens": settings.max_tokens}
    party, curious = _functions(settings, layout, splits, shared, tokens)
    sessions = _sessions(splits, axes)
    plan = PartyPlan(
        items=tuple(Item(f"r{i}", record.text) for i, record in enumerate(sessions)),
        parts=layout.private,
        settings={
            **shared,
            **_public_settings(settings),
            **_labels(settings, layout, splits, shared, tokens),
            "typical_norm": _typical_norm(settings, layout, splits, shared, tokens),
        },
        public_texts=tuple(r.text for r in splits.public),
        seed=("defense", *axes),
    )
    ids = {record.id: f"r{i}" for i, record in enumerate(sessions)}
    return Deployment(
        function=f"scenarios.split_llm.protocol:{party}",
        curious=curious,
        parties={PARTY: plan},
        curious_parts=layout.curious,
        local_parts=layout.local,
        public=_public(settings, layout, splits, template, tokens),
        secrets=_secrets(settings, splits, tokens, ids),
        tasks=_tasks(settings, layout, splits, tokens, ids),
        known={ids[r.id]: r.text for r in splits.known},
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{content_hash(list(sessions))}",
        entitlement=_entitlement(settings, splits),
    )


@dataclass(frozen=True)
class _Layout:
    """Who holds which blocks."""

    cut: int
    depth: int
    causal: bool
    vocabulary: int
    private: Mapping[str, PartRef]
    curious: Mapping[str, PartRef]
    local: Mapping[str, PartRef]


def _layout(settings: Settings, tokens: Tokens) -> _Layout:
    from harness.scenario import cut_block, depth, load_part

    model, n = settings.model, depth(settings.model)
    cut = n if settings.pooled else cut_block(model, settings.cut)
    probe = load_part(model, 0, 0)
    u_shaped = settings.topology == "head-body-tail"
    tail_start = n - settings.tail_blocks if u_shaped else n
    problems = []
    if tail_start < cut:
        problems.append(f"the tail starts at block {tail_start}, before the cut at block {cut}")
    if not probe.causal and (u_shaped or settings.new_tokens or settings.task == "generation"):
        problems.append("encoders are run head-tail, for classification, without generation")
    if probe.causal and settings.pooled:
        problems.append("pooled vectors are for encoders")
    if problems:
        raise SuiteError(f"model {model!r}: " + "; ".join(problems))
    head = PartRef(model, 0, None if settings.pooled else cut)
    tail = {"tail": PartRef(model, tail_start, None, head=True, embed=False)} if u_shaped else {}
    # A causal model's last norm and head are a part of their own, run on the last position alone.
    stop = tail_start if probe.causal else None
    lm_head = {"lm_head": PartRef(model, n, None, head=True, embed=False)} if probe.causal and not u_shaped else {}
    rest = {"body": PartRef(model, cut, stop, embed=False), **lm_head}
    local = {"body": PartRef(model, tail_start, stop, embed=False), **lm_head}
    return _Layout(cut, n, probe.causal, probe.vocab_size, {"head": head, **tail}, rest, local)


def _splits(settings: Settings, pool: list[Record], axes: Axes) -> Splits:
    from harness.scenario import plant_attribute

    sizes = {
        "private": settings.records,
        "auxiliary": settings.auxiliary,
        "public": settings.public,
        "known": settings.known,
    }
    splits = draw(pool, sizes, numpy_generator("splits", *axes))
    if settings.planted:
        planted = {
            name: plant_attribute(getattr(splits, name), numpy_generator("plant", name, *axes)) for name in sizes
        }
        splits = Splits(**planted)
    assert_disjoint(splits)
    return splits


def _sessions(splits: Splits, axes: Axes) -> tuple[Record, ...]:
    """Private and known records in one shuffled order, so that a defense cannot tell which are scored."""
    everything = (*splits.private, *splits.known)
    order = numpy_generator("order", *axes).permutation(len(everything))
    return tuple(everything[i] for i in order)


def _template(settings: Settings, tokens: Tokens) -> dict[str, list[int]]:
    prefix, suffix = tokens.encode(settings.prefix), tokens.encode(settings.suffix)
    return {"prefix": [*tokens.prefix, *prefix], "suffix": [*suffix, *tokens.suffix]}


def _public_settings(settings: Settings) -> dict[str, Any]:
    return {"topology": settings.topology, "new_tokens": settings.new_tokens, "pooled": settings.pooled}


def _functions(
    settings: Settings, layout: _Layout, splits: Splits, shared: dict[str, Any], tokens: Tokens
) -> tuple[str, Callable[[Net], None]]:
    if layout.causal:
        return "data_party", protocol.model_party
    texts = [(r.text, r.label) for r in splits.public if r.label is not None]
    if len({label for _, label in texts}) < 2:
        raise SuiteError(f"data {settings.data!r}: the encoder's classifier needs public records of two labels")
    weights = calibrate.linear_classifier(settings.model, [(protocol_ids(tokens, t, shared), y) for t, y in texts])
    return "encoder_party", partial(calibrate.encoder_server, weights, settings.pooled)


def protocol_ids(tokens: Tokens, text: str, shared: dict[str, Any]) -> list[int]:
    """Token ids of the whole prompt around ``text``."""
    return protocol.prompt(tokens.encode(text), shared)


def _labels(
    settings: Settings, layout: _Layout, splits: Splits, shared: dict[str, Any], tokens: Tokens
) -> dict[str, Any]:
    """Label words with their calibration (causal), or the classifier's label order (encoder); all public."""
    if settings.task != "classification":
        return {"label_words": {}, "bias": {}, "labels": []}
    labels = sorted({r.label for r in splits.private if r.label is not None})
    if not layout.causal:
        return {"label_words": {}, "bias": {}, "labels": labels}
    if sorted(settings.label_words) != labels:
        raise SuiteError(f"label_words {sorted(settings.label_words)} do not match the data's labels {labels}")
    words = {label: tokens.encode(word)[0] for label, word in settings.label_words.items()}
    prompts = [protocol_ids(tokens, r.text, shared) for r in splits.public if r.label is not None]
    bias = calibrate.label_bias(settings.model, prompts, words)
    return {"label_words": words, "bias": bias, "labels": labels}


def _typical_norm(
    settings: Settings, layout: _Layout, splits: Splits, shared: dict[str, Any], tokens: Tokens
) -> dict[str, float]:
    prompts = [protocol_ids(tokens, record.text, shared) for record in splits.public[:NORM_TEXTS]]
    cut = None if settings.pooled else layout.cut
    return calibrate.typical_norms(settings.model, cut, prompts, settings.pooled)


def _public(
    settings: Settings, layout: _Layout, splits: Splits, template: dict[str, list[int]], tokens: Tokens
) -> Public:
    return Public(
        model=settings.model,
        cut=layout.cut,
        prefix=tuple(template["prefix"]),
        suffix=tuple(template["suffix"]),
        max_tokens=settings.max_tokens,
        auxiliary=splits.auxiliary,
        special_ids=tokens.special_ids,
        pooled=settings.pooled,
        facts={"data": settings.data, "topology": settings.topology, "depth": layout.depth},
    )


def _secrets(settings: Settings, splits: Splits, tokens: Tokens, ids: Mapping[str, str]) -> dict[str, Secret]:
    from harness.scenario import frequent_tokens, span_token_ranges

    limit = settings.max_tokens
    scored = {ids[r.id]: r for r in splits.private}
    attacked = dict(list(scored.items())[: settings.attacked or None])
    secrets: dict[str, Secret] = {
        "text": TextSecret(
            tokens={key: tuple(tokens.encode(r.text)[:limit]) for key, r in attacked.items()},
            spans={key: span_token_ranges(tokens.offsets(r.text)[:limit], r.spans) for key, r in attacked.items()},
            special_ids=tokens.special_ids,
            frequent_ids=frequent_tokens([tokens.encode(r.text)[:limit] for r in splits.auxiliary], FREQUENT),
            decode=tokens.decode,
        )
    }
    for name in filter(None, (settings.attribute, "planted" if settings.planted else "")):
        labels = {key: r.attributes[name] for key, r in scored.items() if name in r.attributes}
        if len(set(labels.values())) < 2:
            raise SuiteError(f"attribute {name!r} does not vary over the private records of {settings.data!r}")
        secrets[f"attribute:{name}"] = AttributeSecret(labels)
    return secrets


def _tasks(
    settings: Settings, layout: _Layout, splits: Splits, tokens: Tokens, ids: Mapping[str, str]
) -> tuple[UtilityTask, ...]:
    scored = tuple(ids[r.id] for r in splits.private)
    if settings.task == "classification":
        return (Classification({ids[r.id]: r.label for r in splits.private if r.label is not None}),)
    if settings.topology == "head-tail":
        return (Agreement(scored),)
    blind = _unigram(splits, tokens, ids, layout.vocabulary, settings.max_tokens)
    return (Agreement(scored), Likelihood(scored, worst=-log(layout.vocabulary), unigram=blind))


def _unigram(splits: Splits, tokens: Tokens, ids: Mapping[str, str], vocabulary: int, limit: int) -> dict[str, float]:
    """Mean log-likelihood of each private text under auxiliary token frequencies with add-one smoothing."""
    counts = Counter(t for r in splits.auxiliary for t in tokens.encode(r.text)[:limit])
    total = counts.total() + vocabulary
    texts = {ids[r.id]: tokens.encode(r.text)[:limit] for r in splits.private}
    return {key: sum(log((counts[t] + 1) / total) for t in text) / len(text) for key, text in texts.items()}


def _entitlement(settings: Settings, splits: Splits) -> dict[str, Any]:
    return {
        "weights": "public",
        "auxiliary": len(splits.auxiliary),
        "auxiliary_domain": "in",
        "attacked_records": settings.attacked or settings.records,
        "known_records": len(splits.known),
        "queries": "passive",
        "rounds": "all",
    }
