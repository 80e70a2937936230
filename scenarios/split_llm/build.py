"""Deployments of split_llm: data drawn, model cut, template tokenised, classifier calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.scenario import (
    Agreement,
    Classification,
    Deployment,
    Item,
    Likelihood,
    PartRef,
    PartyPlan,
    Passage,
    Public,
    Record,
    SplitFacts,
    Splits,
    SuiteError,
    Tokens,
    UtilityTask,
    assert_disjoint,
    content_hash,
    draw,
    labels_by_words,
    load_tokens,
    numpy_generator,
    tokenizer_folder,
)
from scenarios.common.pool import read_records
from scenarios.split_llm import calibration
from scenarios.split_llm.client import prompt
from scenarios.split_llm.finetune_build import build_finetuning
from scenarios.split_llm.lm_eval_build import build_questions
from scenarios.split_llm.secrets import secrets_of
from scenarios.split_llm.server import encoder_server, model_party
from scenarios.split_llm.settings import Settings

if TYPE_CHECKING:
    from harness.scenario import Net

__all__ = ["PARTY", "assemble", "build", "small"]

PARTY = "data_party"
MIN_TOKENS = 4
"""Tokens that a text must have to enter the data."""
NORM_TEXTS = 16
"""Public texts from which the typical norm of a message is measured."""

Axes = tuple[str | int, ...]


def build(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of ``settings`` with data of the embedded, local or hub dataset, or the lm-eval tasks it names."""
    if settings.training is not None:
        return build_finetuning(settings, axes)
    if settings.utility:
        return build_questions(settings, axes)
    tokens = load_tokens(tokenizer_folder(settings.model))
    records = read_records(settings.data, settings.data_options)
    pool = [record for record in records if len(tokens.encode(record.text)) >= MIN_TOKENS]
    return assemble(settings, pool, (*axes, settings.data))


def small(folder: str) -> Deployment:
    """A deployment on a tiny random model written to ``folder``: for contract checks, never for findings."""
    from harness.scenario import toy_model, toy_records

    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        task="classification",
        cut=1,
        topology="head-body-tail",
        tail_blocks=1,
        prefix="Message: ",
        suffix="\nFrom:",
        label_words={"bank": " bank", "friend": " friend"},
        max_tokens=12,
        new_tokens=2,
        records=6,
        auxiliary=12,
        public=8,
        known=2,
        attribute="has_number",
    )
    return assemble(settings, list(toy_records()), ("toy",))


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
        function=f"scenarios.split_llm.client:{party}",
        curious=curious,
        parties={PARTY: plan},
        curious_parts=layout.curious,
        local_parts=layout.local,
        public=_public(settings, layout, splits, template, tokens),
        secrets=secrets_of(settings, splits, tokens, ids),
        tasks=_tasks(settings, layout, splits, template, tokens, ids),
        known={ids[r.id]: r.text for r in splits.known},
        model_id=f"{settings.model}:{model_hash(settings.model)}",
        data_id=f"{settings.data}:{content_hash(list(sessions))}",
        entitlement=_entitlement(settings, splits),
    )


@dataclass(frozen=True)
class _Layout:
    """The blocks that each party holds."""

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
    tail = {"tail": PartRef(model, tail_start, n, embed=False)} if u_shaped else {}
    # A causal model's last norm and head are a part of their own, run on the last position alone.
    stop = tail_start if probe.causal else None
    lm_head = {"lm_head": PartRef(model, n, None, head=True, embed=False)} if probe.causal else {}
    own, others = (lm_head, {}) if u_shaped else ({}, lm_head)
    rest = {"body": PartRef(model, cut, stop, embed=False), **others}
    local = {"body": PartRef(model, tail_start, stop, embed=False), **others}
    return _Layout(cut, n, probe.causal, probe.vocab_size, {"head": head, **tail, **own}, rest, local)


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
    public = {"topology": settings.topology, "new_tokens": settings.new_tokens, "pooled": settings.pooled}
    return public | {"returned": _returned(settings)}


def _returned(settings: Settings) -> bool:
    """True where the party returns its last states: they are its own in head-body-tail alone."""
    return settings.task == "generation" and settings.topology == "head-body-tail"


def _functions(
    settings: Settings, layout: _Layout, splits: Splits, shared: dict[str, Any], tokens: Tokens
) -> tuple[str, Callable[[Net], None]]:
    if layout.causal:
        return "data_party", model_party
    texts = [(r.text, r.label) for r in splits.public if r.label is not None]
    if len({label for _, label in texts}) < 2:
        raise SuiteError(f"data {settings.data!r}: the encoder's classifier needs public records of two labels")
    weights = calibration.linear_classifier(settings.model, [(_prompt_ids(tokens, t, shared), y) for t, y in texts])
    return "encoder_party", partial(encoder_server, weights, settings.pooled)


def _prompt_ids(tokens: Tokens, text: str, shared: dict[str, Any]) -> list[int]:
    """Token ids of the whole prompt around ``text``."""
    return prompt(tokens.encode(text), shared)


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
    prompts = [_prompt_ids(tokens, r.text, shared) for r in splits.public if r.label is not None]
    bias = calibration.label_bias(settings.model, prompts, words)
    return {"label_words": words, "bias": bias, "labels": labels}


def _typical_norm(
    settings: Settings, layout: _Layout, splits: Splits, shared: dict[str, Any], tokens: Tokens
) -> dict[str, float]:
    prompts = [_prompt_ids(tokens, record.text, shared) for record in splits.public[:NORM_TEXTS]]
    cut = None if settings.pooled else layout.cut
    return calibration.typical_norms(settings.model, cut, prompts, settings.pooled)


def _public(
    settings: Settings, layout: _Layout, splits: Splits, template: dict[str, list[int]], tokens: Tokens
) -> Public:
    facts = SplitFacts(
        model=settings.model,
        max_tokens=settings.max_tokens,
        prefix=tuple(template["prefix"]),
        suffix=tuple(template["suffix"]),
        special_ids=tokens.special_ids,
        cut=layout.cut,
        pooled=settings.pooled,
        depth=layout.depth,
        topology=settings.topology,
    )
    return Public(auxiliary=splits.auxiliary, facts=(facts,))


def _tasks(
    settings: Settings,
    layout: _Layout,
    splits: Splits,
    template: Mapping[str, Sequence[int]],
    tokens: Tokens,
    ids: Mapping[str, str],
) -> tuple[UtilityTask, ...]:
    if settings.task == "classification":
        return (
            Classification(
                {ids[r.id]: r.label for r in splits.private if r.label is not None}, alone=_alone(splits, ids)
            ),
        )
    limit, returned = settings.max_tokens, _returned(settings)
    before, after = tuple(template["prefix"]), tuple(template["suffix"])
    passages = {ids[r.id]: Passage(before, tuple(tokens.encode(r.text)[:limit]), after) for r in splits.private}
    public = tuple(tuple(tokens.encode(r.text)[:limit]) for r in (*splits.public, *splits.auxiliary))
    shown = (settings.model, passages, public, layout.vocabulary)
    agreement = Agreement(*shown, generated=1 + settings.new_tokens, returned=returned)
    return (agreement, Likelihood(*shown)) if returned and settings.likelihood else (agreement,)


def _alone(splits: Splits, ids: Mapping[str, str]) -> dict[str, str]:
    """Each session's label by a model of words, of public labelled texts and those of the attacker, who needs none."""
    known = [(r.text, r.label) for r in (*splits.public, *splits.auxiliary) if r.label is not None]
    guessed = labels_by_words([t for t, _ in known], [y for _, y in known], [r.text for r in splits.private])
    return dict(zip((ids[r.id] for r in splits.private), guessed, strict=True))


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
