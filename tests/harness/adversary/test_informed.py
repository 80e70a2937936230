"""Informed attacks: who may know all records but one, what that is in the live run and in shadows, and their role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from harness.adversary.view import TargetView
from harness.assessment.reading import stored_results
from harness.attack import Attack, Guess, View
from harness.data.record import Item, content_id
from harness.errors import SuiteError
from harness.evaluation.executor import Job, execute
from harness.plugins.identity import undefended_submission
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.store import Store
from harness.store.provenance import environment
from harness.wire.coalition import SERVER
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_membership import (
    ATTACKS,
    ENTRY,
    SUITE,
    Nearness,
    Nothing,
    bank_of,
    cells_of,
    registered,
    view_on,
)
from tests.stand_ins.toy_protocol import deployment


class Knowing(Attack):
    """Of a party that sends a mean and a count: are the others all there is?"""

    name: ClassVar[str] = "knowing"
    secret: ClassVar[str] = "membership"
    informed: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        sent = {s.sender: int(s.message["counts"].sum()) for s in view.transcript if s.receiver == SERVER}
        return {c.id: float(sent[c.party] - len(view.others(c.id)[c.party])) for c in view.candidates}


class Presumptuous(Knowing):
    """Asks for what it may not know."""

    name: ClassVar[str] = "presumptuous"
    informed: ClassVar[bool] = False


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    """Every candidate that is in is held three times over."""
    made = deployment(str(toy_folder), rounds=1)
    labels = {c.id: int(c.id.endswith(".0")) for c in made.candidates}
    made = replace(made, secrets={"membership": MembershipSecret(labels)})
    redraw = made.redraw
    assert redraw is not None
    return replace(copied(made), redraw=lambda rng, members: copied(redraw(rng, members)))


def copied(made: Deployment) -> Deployment:
    asked = {c.text for c in made.candidates}
    parties = {}
    for name, plan in made.parties.items():
        more = [replace(r, id=f"{r.id}~{k}") for r in plan.records if r.text in asked for k in (1, 2)]
        parties[name] = replace(plan, records=(*plan.records, *more))
    return replace(made, parties=parties)


def view_of(runner: Runner, pooled: Deployment, *, informed: bool, adaptive: bool = True) -> TargetView:
    return view_on(runner, pooled, bank=bank_of(runner, pooled, None), adaptive=adaptive, informed=informed)


@pytest.mark.parametrize("adaptive", [False, True])
def test_others_are_all_records_of_the_target_but_the_candidate(
    runner: Runner, pooled: Deployment, adaptive: bool
) -> None:
    live = view_of(runner, pooled, informed=True, adaptive=adaptive)
    assert live.shadow_bank is not None
    held = [pooled, *(live.shadow_bank.drawn(index) for index in range(3))]
    for target, truth in enumerate(held):
        view = live.as_target(target, torch.Generator()) if target else live
        seen = 0
        for one in pooled.candidates:
            others = view.others(one.id)
            assert others.keys() == truth.parties.keys()
            assert one.text not in {record.text for record in others[one.party]}
            for party, plan in truth.parties.items():
                left = [r for r in plan.records if party != one.party or r.text != one.text]
                assert [(r.text, r.label) for r in others[party]] == [(r.text, r.label) for r in left]
                seen += len(plan.records) - len(left)
        members = view.members() if target else {c.id: c.id.endswith(".0") for c in pooled.candidates}
        assert seen == 3 * sum(members.values())


def test_no_id_shows_where_a_record_was_taken_out(runner: Runner, pooled: Deployment) -> None:
    view = view_of(runner, pooled, informed=True)
    inside, outside = (view.others(f"c1.{place}")["client1"] for place in (0, 1))
    assert all(isinstance(r, Item) and r.id == content_id(r.text) for r in (*inside, *outside))
    assert [r for r in outside if r.text != pooled.candidates[2].text] == list(inside)


def test_who_may_ask_and_for_whom(runner: Runner, pooled: Deployment) -> None:
    with pytest.raises(SuiteError, match=r"declares informed = True, and is then never ranked"):
        view_of(runner, pooled, informed=False).others("c1.0")
    knowing = view_of(runner, pooled, informed=True)
    with pytest.raises(SuiteError, match=r"no candidate 'x'; ask about one of view\.candidates"):
        knowing.others("x")
    with pytest.raises(SuiteError, match="has no shadow runs"):
        knowing.shadows()
    bare = replace(knowing, shadow_bank=None, target=2)
    with pytest.raises(SuiteError, match="target 2 is a shadow, and this run has none"):
        bare.others("c1.0")


def test_an_informed_attack_is_scored_on_every_target_and_never_ranked(
    runner: Runner,
    pooled: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attacks = {"nearness": Nearness, "nothing": Nothing, "knowing": Knowing, "presumptuous": Presumptuous}
    registered(monkeypatch, attacks)
    more = [{"name": name, "secret": "membership", "variants": ["adaptive"]} for name in ("knowing", "presumptuous")]
    suite = {**SUITE, "entries": [{**ENTRY, "attacks": [*ATTACKS, *more]}]}
    none = undefended_submission()
    cells = cells_of(monkeypatch, pooled, none, none, suite)
    with Store.open(tmp_path / "s.duckdb") as store:
        execute(Job(store, runner, Quiet(), environment("cpu")), cells, 1)
        stored = {row["name"]: row for row in store.query("SELECT * FROM cells WHERE secret = 'membership'")}
        [results] = stored_results(store)
    [knowing] = results.undefended.unranked_attacks
    scores = {metric: knowing.values(metric)[0] for metric in ("score", "label")}
    assert {name: row["role"] for name, row in stored.items()} == {
        "nothing": "blind",
        "nearness": "attack",
        "knowing": "informed",
        "presumptuous": "attack",
    }
    assert stored["knowing"]["status"] == "ok" and len(scores["score"]) == 3 * len(pooled.candidates)
    assert scores["score"] == {record: 3 * label for record, label in scores["label"].items()}
    assert stored["presumptuous"]["status"] == "error" and "informed = True" in stored["presumptuous"]["reason"]
    assert "knowing" not in {series.name for series in results.undefended.attacks}
