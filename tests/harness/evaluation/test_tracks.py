"""Attacks of a malicious server and of one that follows the protocol never stand side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from tests.stand_ins.toy_membership import ENTRY, SUITE, Nearness, Nothing, cells_of, registered
from tests.stand_ins.toy_protocol import deployment

HONEST = {"name": "other", "secret": "membership"}
BREAKING = {"name": "nearness", "secret": "membership", "behaviour": "malicious"}
BLIND = {"name": "nothing", "secret": "membership"}


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    made = deployment(str(toy_folder), rounds=1)
    return replace(
        made, secrets={"membership": MembershipSecret({c.id: int(c.id.endswith(".0")) for c in made.candidates})}
    )


def suite_of(*entries: list[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    named = [{**ENTRY, "name": f"entry{i}", "attacks": attacks} for i, attacks in enumerate(entries)]
    return {**SUITE, "entries": named, **changes}


def plan(
    monkeypatch: pytest.MonkeyPatch,
    submission: Callable[..., Submission],
    pool: Deployment,
    suite: Mapping[str, Any],
) -> list[str]:
    """Behaviours of the runs that attacks are planned on."""
    registered(monkeypatch, {"nearness": Nearness, "other": Nearness, "nothing": Nothing})
    undefended, defended = submission("class Plugin(Defense): ...", "none"), submission("class Plugin(Defense): ...")
    cells = cells_of(monkeypatch, pool, defended, undefended, suite)
    return [cell.run.execution.behaviour for cell in cells if cell.role == "attack"]


def test_a_malicious_server_gets_runs_and_an_entry_of_its_own(
    monkeypatch: pytest.MonkeyPatch, submission: Callable[..., Submission], pooled: Deployment
) -> None:
    breaking = replace(pooled, malicious=True)
    assert set(plan(monkeypatch, submission, breaking, suite_of([BLIND, BREAKING]))) == {"malicious"}


@pytest.mark.parametrize(
    ("malicious", "suite", "problem"),
    [
        (True, suite_of([BLIND, BREAKING, HONEST]), "never compared"),
        (False, suite_of([BREAKING]), "follows the protocol"),
        (True, suite_of([BREAKING], [HONEST]), "beside entry1"),
        (True, suite_of([BREAKING], scenario_set="core"), "scenario set 'core'"),
    ],
)
def test_nothing_else_stands_beside_it(
    monkeypatch: pytest.MonkeyPatch,
    submission: Callable[..., Submission],
    pooled: Deployment,
    malicious: bool,
    suite: dict[str, Any],
    problem: str,
) -> None:
    with pytest.raises(SuiteError, match=problem):
        plan(monkeypatch, submission, replace(pooled, malicious=malicious), suite)
