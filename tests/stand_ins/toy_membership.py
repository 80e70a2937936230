"""Toy attacks on membership in the toy protocol, their suite and its cells, a bank of shadow runs, and a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
import torch

from harness.adversary.shadows import ShadowBank, ShadowPlan
from harness.adversary.simulation import SimulationBank
from harness.adversary.view import TargetView
from harness.attack import Attack, DefenseCard, Guess, View
from harness.evaluation.plan import CellPlan, plan_cells
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.plugins.suite import Suite
from harness.runtime.execution import Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario
from harness.scenario.settings import Settings
from harness.store.archive import Archive
from harness.store.schema import Score
from harness.wire.coalition import SERVER, Coalition
from harness.wire.log import WireLog

__all__ = ["ATTACKS", "ENTRY", "EYE", "SUITE", "Nearness", "Nothing", "bank_of", "cells_of", "registered", "view_on"]

ATTACKS = [{"name": "nearness", "secret": "membership"}, {"name": "nothing", "secret": "membership"}]
ENTRY = {
    "name": "pool",
    "scenario": "pooling",
    "seeds": [0],
    "entitlement": {"shadow_budget": 2},
    "attacks": ATTACKS,
}
SUITE = {"name": "toy", "version": 1, "title": "toy", "threads": 1, "entries": [ENTRY]}
EYE = Coalition("server", sees_server=True)


class Nearness(Attack):
    """Distance of the candidate's embedding to the mean its party sent, measured against shadow members."""

    name: ClassVar[str] = "nearness"
    secret: ClassVar[str] = "membership"

    def guess(self, view: View) -> Guess:
        assert all(shadow.members.keys() == {c.id for c in view.candidates} for shadow in view.shadows())
        sent = {s.sender: s.message["means"] for s in view.transcript if s.receiver == SERVER}
        vectors = view.embed([c.text for c in view.candidates])
        pairs = zip(view.candidates, vectors, strict=True)
        return {c.id: -float((sent[c.party] - x).norm(dim=1).min()) for c, x in pairs}

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        return {"scored": len(scores)}


class Nothing(Attack):
    """The blind guess."""

    name: ClassVar[str] = "nothing"
    secret: ClassVar[str] = "membership"
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        return {c.id: 0.0 for c in view.candidates}


def bank_of(runner: Runner, pooled: Deployment, submission: Submission | None, **options: Any) -> ShadowBank:
    archive = options.pop("archive", None) or Archive()
    values: dict[str, Any] = {"defended_key": "defended", "undefended_key": "plain", "budget": 3, **options}
    return ShadowBank(ShadowPlan(pooled, submission, ("suite", 0), **values), runner, archive)


def view_on(
    runner: Runner,
    pooled: Deployment,
    eye: Coalition = EYE,
    bank: ShadowBank | None = None,
    *,
    adaptive: bool = True,
    informed: bool = False,
    outcome: Outcome | None = None,
) -> TargetView:
    """The coalition's view of a run that ended in ``outcome``; of none, nothing was sent."""
    return TargetView(
        pooled,
        eye,
        outcome.log if outcome else WireLog(),
        outcome.own if outcome else WireLog(),
        defense=DefenseCard("none", {}, ""),
        adaptive=adaptive,
        rng=torch.Generator(),
        simulations=SimulationBank(runner, pooled, None, 0, "run"),
        shadow_bank=bank,
        informed=informed,
    )


def registered(monkeypatch: pytest.MonkeyPatch, attacks: Mapping[str, type[Attack]]) -> None:
    """Attacks under their names, and no others."""
    targets = {name: f"{attack.__module__}:{attack.__name__}" for name, attack in attacks.items()}
    monkeypatch.setattr(registry, "load", lambda kind, name: attacks[name])
    monkeypatch.setattr(registry, "target", lambda kind, name: targets[name])


def cells_of(
    monkeypatch: pytest.MonkeyPatch,
    pooled: Deployment,
    submission: Submission,
    undefended: Submission,
    suite: Mapping[str, Any] = SUITE,
) -> list[CellPlan]:
    """Cells of a suite on this deployment, whichever settings its entries have."""
    attack_of = registry.load

    def load(kind: registry.PluginKind, name: str) -> object:
        return _scenario(pooled) if kind == "scenario" else attack_of(kind, name)

    monkeypatch.setattr(registry, "load", load)
    submission = submission.model_copy(update={"scenarios": (str(ENTRY["scenario"]),)})
    return list(plan_cells(Suite.model_validate(suite, strict=False), submission, undefended, (0,), "process", ""))


def _scenario(pooled: Deployment) -> Scenario:
    return Scenario(
        name="pooling",
        summary="class means of embeddings",
        threat_model="",
        source="",
        coalitions={},
        secrets={},
        settings=Settings,
        build=lambda settings, axes: pooled,
        small=lambda folder: pooled,
    )
