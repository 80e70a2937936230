"""Deployments of split_llm whose private texts are lm-eval's questions: utility is asked of the texts that leak.

The questions of a task are drawn by the seed axes of the data, so they are the same for every defense and operating
point. The attacker's texts, those of a defense and known pairs are other questions of the same tasks, with their own
continuations, so that no session shows by its form what it is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.scenario import (
    Deployment,
    Form,
    Item,
    LmEvalUtility,
    PartRef,
    PartyPlan,
    Prompt,
    Public,
    Question,
    Record,
    SplitFacts,
    Splits,
    SuiteError,
    UtilityTask,
    Wording,
    assert_disjoint,
    checked_metric,
    content_id,
    cut_block,
    depth,
    load_tasks,
    make,
    numpy_generator,
    question,
    wording_of,
)
from scenarios.split_llm import calibration
from scenarios.split_llm.lm_eval_server import question_server
from scenarios.split_llm.secrets import secrets_of
from scenarios.split_llm.settings import LmEvalTask, Settings

__all__ = ["answering", "build_questions"]

PARTY = "data_party"
NORM_TEXTS = 16
"""Public texts from which the typical norm of a message is measured."""

Axes = tuple[str | int, ...]


@dataclass(frozen=True)
class _Drawn:
    """Questions of one task by what they are for."""

    asked: tuple[Question, ...]
    auxiliary: tuple[Question, ...]
    public: tuple[Question, ...]
    known: tuple[Question, ...]


def build_questions(settings: Settings, axes: Axes) -> Deployment:
    """The deployment of a suite entry with ``utility`` tasks.

    Raises:
        SuiteError: tasks that cannot be asked together, or with too few questions.
    """
    wording, seen = wording_of(settings.model), set[str]()
    drawn = [
        _draw(task, settings, wording, seen, axes, _shares(settings, place))
        for place, task in enumerate(settings.utility)
    ]
    forms = {q.form for each in drawn for q in each.asked}
    if len(forms) != 1:
        raise SuiteError(
            f"utility tasks {[task.lm_eval for task in settings.utility]} are of {len(forms)} forms (choices, whole "
            "texts, generation with the same stops): give each form an entry of its own"
        )
    splits, sources = _splits(drawn)
    sessions = [*splits.private, *splits.known]
    order = numpy_generator("order", *axes).permutation(len(sessions))
    ids = {sessions[i].id: f"r{place}" for place, i in enumerate(order)}
    items = [Item(ids[r.id], r.text, choices=_told(sources[r.id], wording)) for r in (sessions[i] for i in order)]
    tasks = [_utility(task, each, settings, wording, ids) for task, each in zip(settings.utility, drawn, strict=True)]
    open_texts = (*splits.auxiliary, *splits.public, *splits.known)
    everybody = {r.text: _told(sources[r.id], wording) for r in open_texts}
    choices = everybody if any(everybody.values()) else {}
    return _deployment(settings, forms.pop(), wording, items, splits, axes, tasks, ids, choices)


def answering(
    settings: Settings, form: Form, prompts: Sequence[Prompt], public: Sequence[str], axes: Axes
) -> Deployment:
    """A deployment that answers given prompts, sessions ``r0``, ``r1``, ... in their order: no secrets, no tasks."""
    items = [Item(f"r{i}", prompt.text, choices=prompt.continuations) for i, prompt in enumerate(prompts)]
    splits = Splits(public=tuple(make(text) for text in public))
    return _deployment(settings, form, wording_of(settings.model), items, splits, axes, [], {}, {})


def _told(asked: Question, wording: Wording) -> tuple[str, ...]:
    """Continuations that the party must know to return a state for each of their tokens.

    None where each is one token: the state after the text predicts it, and a party that does not know a target cannot
    state it.
    """
    prompt = asked.prompt
    single = all(len(wording.continuation(prompt.text, text)) == 1 for text in prompt.continuations)
    return () if single else prompt.continuations


def _shares(settings: Settings, place: int) -> dict[str, int]:
    """Questions of the task at ``place`` by use; those for others than the party are shared out evenly."""
    count = len(settings.utility)
    sizes = {name: getattr(settings, name) for name in ("auxiliary", "public", "known")}
    return {
        "asked": settings.utility[place].limit,
        **{name: size // count + (place < size % count) for name, size in sizes.items()},
    }


def _draw(
    wanted: LmEvalTask, settings: Settings, wording: Wording, seen: set[str], axes: Axes, sizes: Mapping[str, int]
) -> _Drawn:
    """Distinct questions that fit into ``max_tokens``, in an order drawn by the axes; ``seen`` holds those in use."""
    tasks = load_tasks(wanted.lm_eval)
    places = [(task, number) for task in tasks for number in range(len(task.eval_docs))]
    order = numpy_generator("questions", _title(wanted), *axes).permutation(len(places))
    fitting: list[Question] = []
    for place in order.tolist():
        if len(fitting) == sum(sizes.values()):
            break
        asked = question(*places[place])
        text = asked.prompt.text
        if not text.strip() or len(wording.tokens.encode(text)) > settings.max_tokens:
            continue
        # The party is told no target, as it could then state it: only those of one token are asked.
        if asked.task.OUTPUT_TYPE == "loglikelihood" and _told(asked, wording):
            continue
        if (key := content_id(text)) not in seen:
            seen.add(key)
            fitting.append(asked)
    if len(fitting) < sum(sizes.values()):
        raise SuiteError(
            f"lm-eval task {wanted.lm_eval!r} has {len(fitting)} distinct questions of at most {settings.max_tokens} "
            f"tokens, {sum(sizes.values())} are needed ({dict(sizes)}): raise max_tokens or ask for fewer"
        )
    parts, start = {}, 0
    for name, size in sizes.items():
        parts[name], start = tuple(fitting[start : start + size]), start + size
    return _Drawn(**parts)


def _splits(drawn: Sequence[_Drawn]) -> tuple[Splits, dict[str, Question]]:
    """The questions as records, and the question of each record id."""
    sources: dict[str, Question] = {}

    def records(name: str) -> tuple[Record, ...]:
        made_of = [(make(q.prompt.text), q) for each in drawn for q in getattr(each, name)]
        sources.update({record.id: q for record, q in made_of})
        return tuple(record for record, _ in made_of)

    splits = Splits(records("asked"), records("auxiliary"), records("public"), records("known"))
    assert_disjoint(splits)
    return splits, sources


def _utility(
    wanted: LmEvalTask, drawn: _Drawn, settings: Settings, wording: Wording, ids: Mapping[str, str]
) -> UtilityTask:
    metric = checked_metric(drawn.asked[0].task, wanted.metric)
    questions = {ids[make(q.prompt.text).id]: q for q in drawn.asked}
    name = f"{_title(wanted)}_{metric}"
    public = (*drawn.public, *drawn.auxiliary)
    return LmEvalUtility(name, metric, settings.model, wording, questions, public, _vocabulary(settings.model))


def _title(wanted: LmEvalTask) -> str:
    """Name of a task wherever its file lies."""
    return Path(wanted.lm_eval).stem.replace(":", "_")


def _vocabulary(model: str) -> int:
    from harness.scenario import load_part

    return load_part(model, 0, 0).vocab_size


def _deployment(
    settings: Settings,
    form: Form,
    wording: Wording,
    items: Sequence[Item],
    splits: Splits,
    axes: Axes,
    tasks: Sequence[UtilityTask],
    ids: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
) -> Deployment:
    from harness.scenario import model_hash

    model, blocks, cut = settings.model, depth(settings.model), cut_block(settings.model, settings.cut)
    u_shaped = settings.topology == "head-body-tail"
    stop = blocks - settings.tail_blocks if u_shaped else blocks
    if stop < cut:
        raise SuiteError(f"model {model!r}: the tail starts at block {stop}, before the cut at block {cut}")
    private = {"head": PartRef(model, 0, cut)}
    private |= {"tail": PartRef(model, stop, None, embed=False)} if u_shaped else {}
    private |= {"vocabulary": PartRef(model, blocks, None, head=True, embed=False)} if form.mode == "generation" else {}
    # Without a tail the model party's blocks end with the last norm: its answers are what the vocabulary head reads.
    end = stop if u_shaped else None
    before = list(wording.before(form.mode))
    shared = {
        **wording.settings(),
        "mode": form.mode,
        "until": list(form.until),
        "new_tokens": form.new_tokens,
        "topology": settings.topology,
        "max_tokens": settings.max_tokens,
        "pooled": False,
        "prefix": before,
        "suffix": [],
        "labels": [],
        "typical_norm": calibration.typical_norms(
            model, cut, [[*before, *wording.tokens.encode(r.text)] for r in splits.public[:NORM_TEXTS]], pooled=False
        ),
    }
    facts = SplitFacts(
        model=model,
        max_tokens=settings.max_tokens,
        prefix=tuple(before),
        special_ids=wording.tokens.special_ids,
        cut=cut,
        depth=blocks,
        topology=settings.topology,
    )
    plan = PartyPlan(
        items=tuple(items),
        parts=private,
        settings=shared,
        public_texts=tuple(r.text for r in splits.public),
        seed=("defense", *axes),
    )
    names = {"choices": "choice_party", "rolling": "rolling_party", "generation": "generation_party"}
    return Deployment(
        function=f"scenarios.split_llm.lm_eval_client:{names[form.mode]}",
        curious=question_server,
        parties={PARTY: plan},
        curious_parts={"body": PartRef(model, cut, end, embed=False)},
        local_parts={"body": PartRef(model, stop, end, embed=False)},
        public=Public(auxiliary=splits.auxiliary, facts=(facts,)),
        secrets=secrets_of(settings, splits, wording.tokens, ids) if splits.private else {},
        tasks=tuple(tasks),
        known={ids[r.id]: r.text for r in splits.known},
        model_id=f"{model}:{model_hash(model)}",
        data_id=f"lm-eval:{_fingerprint(items, tasks)}",
        entitlement=_entitlement(settings, splits),
        choices=choices,
    )


def _fingerprint(items: Sequence[Item], tasks: Sequence[UtilityTask]) -> str:
    """Hash of all texts with their continuations, and of the documents, right answers included, that score them."""
    documents = [
        [task.name, {session: q.document for session, q in task.questions.items()}]
        for task in tasks
        if isinstance(task, LmEvalUtility)
    ]
    content = json.dumps([[[i.id, i.text, i.choices] for i in items], documents], sort_keys=True, default=str)
    return sha256(content.encode()).hexdigest()


def _entitlement(settings: Settings, splits: Splits) -> dict[str, Any]:
    return {
        "weights": "public",
        "auxiliary": len(splits.auxiliary),
        "auxiliary_domain": "in",
        "attacked_records": settings.attacked or len(splits.private),
        "known_records": len(splits.known),
        "queries": "passive",
        "rounds": "all",
    }
