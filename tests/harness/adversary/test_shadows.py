"""Shadow runs, targets in turn, coalitions, and attacks on membership from plan to stored scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.adversary.shadows import own_of
from harness.errors import DataError, SuiteError
from harness.evaluation.executor import Job, execute
from harness.plugins.submission import Claim, Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.store import Store
from harness.store.archive import Archive
from harness.store.provenance import environment
from harness.wire.coalition import SERVER, Coalition
from harness.wire.message import Kind
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_membership import EYE, Nearness, Nothing, bank_of, cells_of, registered, view_on
from tests.stand_ins.toy_protocol import deployment

Make = Callable[..., Submission]
NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(means=self.me.gaussian(message["means"], clip=None, scale=50.0))
"""


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    made = deployment(str(toy_folder), rounds=1)
    labels = {c.id: int(c.id.endswith(".0")) for c in made.candidates}
    canaries = frozenset(c.id for c in made.candidates if c.canary)
    return replace(made, secrets={"membership": MembershipSecret(labels, canaries)})


def test_shadows_are_drawn_from_auxiliary_data_and_fair_coins(runner: Runner, pooled: Deployment) -> None:
    bank = bank_of(runner, pooled, None, budget=64)
    live = {r.text for plan in pooled.parties.values() for r in plan.records}
    inside = 0
    for index in range(64):
        members, drawn = bank.members(index), bank.drawn(index)
        held = {r.id for plan in drawn.parties.values() for r in plan.records}
        assert {c for c in members if c in held} == {c for c, value in members.items() if value}
        others = {r.text for plan in drawn.parties.values() for r in plan.records if r.id not in members}
        assert not others & live
        inside += sum(members.values())
    assert 0.4 < inside / (64 * len(pooled.candidates)) < 0.6


def test_of_a_shadow_that_is_the_target_the_attacker_holds_no_record(runner: Runner, pooled: Deployment) -> None:
    bank = bank_of(runner, pooled, None)
    own = Coalition("client0", frozenset({"client0"}))
    for eye in (EYE, own):
        view = view_on(runner, pooled, eye, bank)
        assert view.public.auxiliary == pooled.public.auxiliary
        for target in (1, 2, 3):
            drawn = bank.drawn(target - 1)
            victims = {r.text for name, plan in drawn.parties.items() for r in plan.records if name not in eye.parties}
            left = {record.text for record in view.as_target(target, torch.Generator()).public.auxiliary}
            assert left == {record.text for record in pooled.public.auxiliary} - victims
            assert 0 < len(left) < len(pooled.public.auxiliary)


def test_each_shadow_is_run_once_whoever_asks(runner: Runner, pooled: Deployment, submission: Make) -> None:
    archive, plugin, runs = Archive(), submission(NOISE), []
    execute_run = Runner.execute

    class Counting(Runner):
        def execute(self, deployment: Deployment, task: Execution) -> Any:
            runs.append(task)
            return execute_run(self, deployment, task)

    counting = Counting(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=runner.fork_server)
    for _ in range(2):
        bank = bank_of(counting, pooled, plugin, archive=archive)
        for eye in (EYE, Coalition("client0", frozenset({"client0"}))):
            for defended in (False, True):
                bank.shadow(0, eye, defended=defended)
    assert [task.submission for task in runs] == [None, plugin]
    with pytest.raises(SuiteError, match="shadow_budget of 3"):
        bank.shadow(3, EYE, defended=False)


def test_a_target_is_never_among_its_own_shadows(runner: Runner, pooled: Deployment, submission: Make) -> None:
    live = runner.execute(pooled, Execution(None))
    bank = bank_of(runner, pooled, submission(NOISE))
    for adaptive in (False, True):
        view = view_on(runner, pooled, bank=bank, adaptive=adaptive, outcome=live)
        assert len(view.shadows()) == 3
        assert len(view.shadows(2)) == 2
        assert view.transcript[0].message["means"].shape == (2, 32)
        aimed = view.as_target(2, torch.Generator())
        assert [s.members for s in aimed.shadows()] == [bank.members(0), bank.members(2)]
        assert aimed.members() == bank.members(1)
        size = [float(s.transcript[0].message["means"].norm()) for s in aimed.shadows()]
        assert all((value > 20) is adaptive for value in size)  # the noise shows
        assert float(aimed.transcript[0].message["means"].norm()) > 20  # the target is defended either way


def test_coalitions_see_their_own_messages_and_states(runner: Runner, pooled: Deployment) -> None:
    outcome = runner.execute(pooled, Execution(None))
    client = view_on(runner, pooled, pooled.coalitions["client0"], adaptive=False, outcome=outcome)
    assert {(s.sender, s.receiver) for s in client.transcript} == {("client0", SERVER), (SERVER, "client0")}
    assert set(client.own) == {"client0/weight", "client0/records"}
    assert client.own["client0/records"] == pooled.parties["client0"].records
    server = own_of(outcome.own, EYE, pooled)
    assert set(server) == {"means"}
    assert client.shadows() == ()


def test_routes_and_relays_keep_an_edge_and_the_server_apart(runner: Runner, pooled: Deployment) -> None:
    def through_an_edge(net: Any) -> None:
        heard = net.gather()
        net.relay("edge0", SERVER, Kind.PROTOTYPE, means=heard["client0"]["means"])
        net.scatter_all(Kind.PROTOTYPE, means=heard["client0"]["means"])
        net.own["means"] = heard["client0"]["means"]
        for i in range(6):
            net.predict(f"t{i}", {})

    routed = replace(pooled, curious=through_an_edge, routes=dict.fromkeys(pooled.parties, "edge0"))
    log = runner.execute(routed, Execution(None)).log
    server = log.seen_by(Coalition("server", sees_server=True).members)
    assert [(e.sender, e.receiver) for e in server] == [("edge0", SERVER)]
    edge = log.seen_by(Coalition("edge", frozenset({"edge0"})).members)
    assert len(edge) == len(log.entries) == 7


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy attacks under their names."""
    registered(monkeypatch, {"nearness": Nearness, "nothing": Nothing})


@pytest.mark.usefixtures("plugins")
def test_membership_is_scored_on_every_target_and_resumed(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Claim(epsilon=1.0, delta=1e-5, unit="record", adjacency="add_remove", view="server")
    none = submission("class Plugin(Defense): pass\n", "none")
    plugin = submission(NOISE).model_copy(update={"claim": claim})
    cells = cells_of(monkeypatch, pooled, plugin, none)
    for expected in (len(cells), 0):
        with Store.open(tmp_path / "s.duckdb") as store:
            job = Job(store, runner, Quiet(), environment("cpu"))
            execute(job, cells, 1)
            assert job.computed == expected
            stored = store.query("SELECT * FROM cells WHERE secret = 'membership'")
            scores = store.query("SELECT * FROM scores")
            verdicts = store.query("SELECT submission, verdict FROM runs WHERE behaviour = 'honest'")
    assert {c["reason"] for c in stored} == {None}
    assert {(c["submission"], c["name"], c["variant"], c["status"]) for c in stored} == {
        ("none", "nothing", "", "ok"),
        *(("none", "nearness", v, "ok") for v in ("oblivious", "adaptive")),
        *(("plugin", "nearness", v, "ok") for v in ("oblivious", "adaptive")),
    }
    judged = {row["submission"]: json.loads(row["verdict"]) for row in verdicts}
    assert judged["none"] is None
    assert judged["plugin"]["status"] == "refuted by accounting"
    assert judged["plugin"]["reason"] == "fields counts left unprotected, and no bound is known for them"
    for cell in stored:
        assert cell["coalition"] == "server"
        rows = [s for s in scores if s["cell_key"] == cell["key"]]
        assert {s["record"] for s in rows} == {f"{t}:{c.id}" for t in range(3) for c in pooled.candidates}
        assert {s["metric"] for s in rows} == {"score", "label", "canary"}
        facts = json.loads(cell["facts"])
        assert facts == ({"scored": len(rows)} if cell["name"] == "nearness" else {})


@pytest.mark.usefixtures("plugins")
def test_a_shadow_that_cannot_be_drawn_ends_its_cells_and_nothing_else(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_to_draw(rng: object, members: object) -> Deployment:
        raise DataError("no records of class 'b': give the attacker more")

    none = submission("class Plugin(Defense): pass\n", "none")
    with Store.open(tmp_path / "s.duckdb") as store:
        job = Job(store, runner, Quiet(), environment("cpu"))
        cells = cells_of(monkeypatch, replace(pooled, redraw=nothing_to_draw), none, none)
        execute(job, cells, 1)
        assert job.computed == len(cells)
        stored = store.query("SELECT role, secret, status, reason FROM cells")
    assert {(c["status"], c["reason"]) for c in stored if c["secret"]} == {
        ("error", "no records of class 'b': give the attacker more")
    }
    assert {c["status"] for c in stored if c["role"] == "utility"} == {"ok"}


def test_shadows_are_there_for_secrets_without_candidates(runner: Runner, pooled: Deployment) -> None:
    bare = replace(pooled, candidates=(), redraw=lambda rng, members: pooled)
    bank = bank_of(runner, bare, None)
    assert bank.shadow(0, EYE, defended=False).members == {}
    with pytest.raises(SuiteError, match="no redraw"):
        bank_of(runner, replace(pooled, redraw=None), None)
