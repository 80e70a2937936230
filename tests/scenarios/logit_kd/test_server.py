"""Servers and edges on toy data: who sends what to whom, and what active servers learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.wire.coalition import SERVER
from harness.wire.message import Kind
from tests.stand_ins.toy_logits import deploy


def sent(outcome: Outcome, kind: Kind, sender: str) -> list[dict[str, Any]]:
    messages = [entry.message() for entry in outcome.log.entries if entry.sender == sender]
    return [dict(message.payload) for message in messages if message.kind is kind]


def test_fedmd_answers_are_averaged_and_everyone_predicts(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder)
    outcome = runner.execute(deployment, Execution(None))
    ups = [[m["logits"] for m in sent(outcome, Kind.LOGITS, f"client{k}")] for k in range(4)]
    assert [len(messages) for messages in ups] == [2, 2, 2, 2]
    down = sent(outcome, Kind.LOGITS, "server")
    mean = torch.stack([messages[0] for messages in ups]).mean(0)
    torch.testing.assert_close(down[0]["logits"], mean)
    items = {item.id for plan in deployment.parties.values() for item in plan.items}
    assert set(outcome.predictions) == items
    assert runner.execute(deployment, Execution(None)).log.to_bytes() == outcome.log.to_bytes()


def test_an_honest_server_asks_as_many_fresh_questions_as_an_active_one(toy_folder: Path, runner: Runner) -> None:
    """Whoever is asked cannot tell an active server by the number of its questions: honest ones asked none."""
    deployment = deploy(toy_folder, copies=1)
    passive, active = (runner.execute(deployment, Execution(None, behaviour=b)) for b in ("honest", "chosen"))
    texts = {}
    for name, outcome in (("honest", passive), ("chosen", active)):
        first, second = sent(outcome, Kind.LOGITS, "client1")
        own = next(e.message() for e in outcome.own.entries if e.sender == "server")
        assert (len(first["index"]), len(second["index"])) == (4, 4 + 2 * len(deployment.candidates))
        down = [m for m in sent(outcome, Kind.LOGITS, SERVER) if m["queries"]]
        assert len(down) == 4 and all(m["queries"] == own["queries"][4:] for m in down)
        assert [len(m["logits"]) for m in sent(outcome, Kind.LOGITS, SERVER)] == [4] * 4 + [len(own["queries"])] * 4
        texts[name] = own["queries"][4:]
    held = {r.text for plan in deployment.parties.values() for r in (*plan.records, *plan.items)}
    others = held | set(deployment.parties["client0"].public_texts)
    others |= {c.text for c in deployment.candidates} | {r.text for r in deployment.public.auxiliary}
    assert not set(texts["honest"]) & others
    own = next(e.message() for e in passive.own.entries if e.sender == "server")
    assert not any(own["query_ids"])


def test_an_active_server_asks_about_every_candidate(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, copies=1)
    active = runner.execute(deployment, Execution(None, behaviour="chosen"))
    own = next(e.message() for e in active.own.entries if e.sender == "server")
    ids = own["query_ids"]
    asked = [name for name in ids if name]
    assert {asked.count(c.id) for c in deployment.candidates} == {2}
    places = {name: place for place, name in reversed(list(enumerate(ids)))}
    for candidate in deployment.candidates:
        assert own["queries"][places[candidate.id]] == candidate.text


def test_fedhkt_runs_through_edges(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear", "mlp"), edges=2, inner_rounds=2)
    outcome = runner.execute(deployment, Execution(None))
    assert set(deployment.routes.values()) <= {"edge0", "edge1"}
    heard = [e for e in outcome.log.entries if e.sender.startswith("client")]
    assert {(e.sender, e.receiver) for e in heard} == set(deployment.routes.items())
    total = sum(m["counts"] for m in sent(outcome, Kind.CONTROL, "edge0"))
    members = [client for client, edge in deployment.routes.items() if edge == "edge0"]
    assert int(torch.as_tensor(total).sum()) == sum(len(deployment.parties[m].records) for m in members)
    seen_by_cloud = [e for e in outcome.log.entries if "server" in (e.sender, e.receiver)]
    assert {e.message().kind for e in seen_by_cloud} == {Kind.CONTROL, Kind.LOGITS}
    assert len(outcome.predictions) == 4


def test_edges_average_parameters_weighted_by_records(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear",), edges=1, inner_rounds=1, rounds=1)
    outcome = runner.execute(deployment, Execution(None))
    ups = [sent(outcome, Kind.PARAMETERS, f"client{k}")[0] for k in range(4)]
    sizes = torch.tensor([float(up["records"]) for up in ups])
    stacked = torch.stack([up["weight"] for up in ups])
    wanted = (stacked * (sizes / sizes.sum())[:, None, None]).sum(0)
    downs = [e.message() for e in outcome.log.entries if e.receiver == "client0"]
    torch.testing.assert_close(downs[-1]["weight"], wanted)


def test_the_cloud_keeps_no_parameters_of_edges(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear", "mlp"), edges=2)
    (kept,) = [e.message() for e in runner.execute(deployment, Execution(None)).own.entries if e.sender == SERVER]
    assert set(kept.payload) == {"consensus", "selected"}
