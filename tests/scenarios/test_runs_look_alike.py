"""Everything that workers receive, in runs of every kind: a classifier on all that can be counted is at chance."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.adversary.padding import batches
from harness.data.record import Record, make
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model, toy_records
from scenarios.gradient_sharing import build as gradients
from scenarios.gradient_sharing.settings import Settings as GradientSettings
from scenarios.logit_kd import build as logits
from scenarios.logit_kd.settings import Settings as LogitSettings
from scenarios.prototype_sharing import build as prototypes
from scenarios.prototype_sharing.settings import Settings as PrototypeSettings
from scenarios.split_llm import build as split
from scenarios.split_llm.settings import Settings as SplitSettings
from scenarios.synthetic_fusion import build as fusion
from tests.stand_ins.toy_fusion import toy_settings

SEEDS = 20
LABELS = ("bank", "friend", "garden")
PEOPLE: dict[str, Any] = {
    "data": "made up",
    "max_tokens": 12,
    "clients": 4,
    "alpha": 0.5,
    "least": 3,
    "records": 80,
    "canaries": 10,
    "average": 14,
    "auxiliary": 100,
    "public": 8,
    "test": 12,
}


@cache
def pool() -> tuple[Record, ...]:
    """Texts of several lengths, of three classes."""
    return tuple(
        make(f"{LABELS[i % 3]} note {i} of {i * 7919 % 1000}" + " and more" * (i % 4), label=LABELS[i % 3])
        for i in range(600)
    )


def deployed(scenario: str, folder: Path, seed: int) -> Deployment:
    """A small deployment of each scenario, drawn with that seed."""
    model, axes = str(toy_model(str(folder))), ("alike", seed)
    if scenario == "split_llm":
        made = SplitSettings(model=model, data="made up", task="generation", cut=1, records=10, auxiliary=80, known=3)
        return split.assemble(made, list(pool()), axes)
    if scenario == "prototype_sharing":
        return prototypes.assemble(PrototypeSettings(**PEOPLE, model=model, rank=2, rounds=1), pool(), axes)
    if scenario == "logit_kd":
        given = LogitSettings(**PEOPLE, model=model, second_model=model, rounds=2, copies=1, epochs=1)
        return logits.assemble(given, pool(), axes)
    if scenario == "gradient_sharing":
        settings = GradientSettings(**PEOPLE, model=model, rounds=2, batch_size=1)
        return gradients.assemble(settings, pool(), axes)
    base = toy_settings(str(folder), "private_fusegen", **PEOPLE, repeats=2, canary_kind="pii")
    return fusion.assemble(base.model_copy(update={"prefixes": {n: f"{n}:" for n in LABELS}}), pool(), axes)


def other(live: Deployment, seed: int) -> Deployment:
    """What an attacker runs: a shadow, or a simulation of three texts."""
    rng = np.random.default_rng(seed)
    if live.redraw is not None:
        return live.redraw(rng, {c.id: bool(rng.random() < 0.5) for c in live.candidates})
    ((name, plan),) = live.parties.items()
    texts = [record.text for record in live.public.auxiliary]
    (batch,) = batches(texts[:3], plan.items, texts, rng, live.known)
    return live.with_items({name: batch.items})


def simple(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Everything that can be counted in a spec, by its place: sizes, numbers, lengths, repetitions."""
    if isinstance(value, dict):
        yield f"{where} size", len(value)
        for name, inner in value.items():
            yield from simple(inner, f"{where}.{name}")
    elif isinstance(value, list):
        yield f"{where} length", len(value)
        texts = [json.dumps(inner, sort_keys=True) for inner in value]
        lengths = [len(text) for text in texts] or [0]
        yield f"{where} distinct", len(set(texts))
        yield f"{where} mean", float(np.mean(lengths))
        yield f"{where} longest", max(lengths)
        labels = Counter(str(inner.get("label")) for inner in value if isinstance(inner, dict))
        yield from ((f"{where} class {n}", c) for n, c in enumerate(sorted(labels.values(), reverse=True)))
        ids = [str(inner["id"]) for inner in value if isinstance(inner, dict) and "id" in inner]
        yield f"{where} ids", len({re.sub(r"\d+", "0", name) for name in ids})
        yield f"{where} sorted", float(ids == sorted(ids, key=lambda name: (len(name), name)))
    elif isinstance(value, bool | int | float):
        yield f"{where} bits", float(np.log2(1 + abs(value)))
    elif isinstance(value, str):
        yield f"{where} characters", len(value)


def statistics(made: Deployment, execution: Execution) -> dict[str, float]:
    spec = worker_spec(made, execution, 1)
    found = dict(simple(json.loads(json.dumps(spec))))
    for name, party in spec["parties"].items():
        inputs, records = ({i["text"] for i in party[of]} for of in ("items", "records"))
        found[f"{name} shared"] = len(inputs & records)
        digests = [record["text"] for record in party["records"]]
        found[f"{name} in order"] = float(digests == sorted(digests))
    return found


@pytest.mark.parametrize(
    "scenario", ["split_llm", "prototype_sharing", "logit_kd", "synthetic_fusion", "gradient_sharing"]
)
def test_nothing_in_a_spec_tells_what_a_run_is_for(scenario: str, toy_folder: Path) -> None:
    """Seeds named the purpose, simulations had fewer inputs, shadows other sizes, and inputs that were records."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    rows, kinds, groups = [], [], []
    for seed in range(SEEDS):
        live = deployed(scenario, toy_folder, seed)
        for kind, made in (("live", live), ("attacked", other(live, seed))):
            noise: tuple[str | int, ...] = ("point", 0) if kind == "live" else ("shadow", seed, "point", 0)
            draw = () if kind == "live" else ("shadow", seed)
            rows.append(statistics(made, Execution(None, noise=noise, draw=draw)))
            kinds.append(kind)
            groups.append(seed)
    assert {frozenset(row) for row in rows if len(row) > 0}
    x = DictVectorizer(sparse=False).fit_transform(rows)
    for model in (
        DecisionTreeClassifier(max_depth=3, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)),
    ):
        right = cross_val_score(model, x, kinds, groups=groups, cv=GroupKFold(5)).mean()
        assert right <= 0.5 + 3 * 0.5 / np.sqrt(len(kinds)), (scenario, right)


def test_knock_out_and_active_runs_have_the_spec_of_the_honest_one(toy_folder: Path) -> None:
    live = deployed("logit_kd", toy_folder, 0)
    specs = [worker_spec(live, Execution(None, behaviour=b), 1) for b in ("honest", "knockout", "chosen")]
    assert specs[0] == specs[1] == specs[2]


def heard(outcome: Outcome, party: str) -> list[tuple[Any, ...]]:
    """Kind, place, fields, shapes and lengths of everything that reached a party, in order."""
    messages = [e.message() for e in outcome.log.entries if e.receiver == party]
    sizes = [{name: _size(value) for name, value in message.payload.items()} for message in messages]
    return [(m.kind, m.session, m.step, m.round, size) for m, size in zip(messages, sizes, strict=True)]


def _size(value: Any) -> Any:
    return getattr(value, "shape", None) or (len(value) if hasattr(value, "__len__") else 0)


def test_messages_of_all_behaviours_have_the_same_shapes(toy_folder: Path, runner: Runner) -> None:
    live = deployed("logit_kd", toy_folder, 1)
    runs = [runner.execute(live, Execution(None, behaviour=b)) for b in ("honest", "knockout", "chosen")]
    for party in live.parties:
        first, *others = (heard(outcome, party) for outcome in runs)
        assert all(some == first for some in others)


@pytest.mark.parametrize("method", ["aug_pe", "wasp"])
def test_a_probing_server_asks_as_many_texts_of_each_label(method: str, toy_folder: Path, runner: Runner) -> None:
    """It added the candidates to those of an honest one."""
    made = fusion.assemble(toy_settings(str(toy_folder), method), list(toy_records()), ("toy",))
    asked, texts = [], set()
    for behaviour in ("honest", "probes"):
        outcome = runner.execute(made, Execution(None, behaviour=behaviour))
        payloads: list[Any] = [e.message().payload for e in outcome.log.entries if e.receiver == "client1"]
        ballots = [payload for payload in payloads if payload.get("texts")]
        asked.append((Counter(ballots[0]["labels"]), len(ballots[0]["texts"])))
        texts = {text for ballot in ballots for text in ballot["texts"]}
    assert asked[0] == asked[1]
    assert {c.text for c in made.candidates} <= texts
