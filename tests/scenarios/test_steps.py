"""The steps that the board draws are those that really cross the wire, variant by variant."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plugins import registry
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario
from tests.stand_ins.gradient_world import deploy as gradient_sharing
from tests.stand_ins.toy_fusion import toy_deployment as synthetic_fusion
from tests.stand_ins.toy_logits import deploy as logit_kd
from tests.stand_ins.toy_prototypes import deployment as prototype_sharing


def made(name: str, variant: str, folder: Path) -> Deployment:
    """A tiny deployment of that variant."""
    if name == "gradient_sharing":
        return gradient_sharing(folder, method=variant)
    if name == "logit_kd":
        return logit_kd(folder, method=variant)
    if name == "prototype_sharing":
        return prototype_sharing(folder, method=variant)
    return synthetic_fusion(str(folder), variant)


def role(party: str, private: bool) -> str:
    return "clients" if private else "edges" if party.startswith("edge") else party


VARIANTS = [
    ("gradient_sharing", "fedsgd"),
    ("gradient_sharing", "fedavg"),
    ("gradient_sharing", "fedprox"),
    ("logit_kd", "fedmd"),
    ("logit_kd", "fedhkt"),
    ("prototype_sharing", "fedproto"),
    ("prototype_sharing", "fedtgp"),
    ("synthetic_fusion", "fusegen"),
    ("synthetic_fusion", "private_fusegen"),
    ("synthetic_fusion", "hosted_fusegen"),
    ("synthetic_fusion", "aug_pe"),
    ("synthetic_fusion", "wasp"),
]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_drawn_messages_are_sent_and_sent_ones_drawn(name: str, variant: str, toy_folder: Path, runner: Runner) -> None:
    scenario = registry.load("scenario", name)
    assert isinstance(scenario, Scenario) and scenario.steps_by in scenario.settings.meaning()
    drawn = {(s.sender, s.receiver, s.kind) for s in scenario.steps[variant] if s.receiver}
    deployment = made(name, variant, toy_folder)
    sent = {
        (
            role(e.sender, e.sender in deployment.parties),
            role(e.receiver, e.receiver in deployment.parties),
            e.message().kind.name,
        )
        for e in runner.execute(deployment, Execution(None)).log.entries
    }
    assert sent == drawn


def test_both_topologies_of_split_models_are_drawn(tmp_path: Path, runner: Runner) -> None:
    scenario = registry.load("scenario", "split_llm")
    assert isinstance(scenario, Scenario) and set(scenario.steps) == {"head-tail", "head-body-tail"}
    drawn = {(s.sender, s.receiver, s.kind) for s in scenario.steps["head-body-tail"] if s.receiver}
    log = runner.execute(scenario.small(str(tmp_path)), Execution(None)).log
    names = {"server": "model_party"}
    assert {
        (names.get(e.sender, e.sender), names.get(e.receiver, e.receiver), e.message().kind.name) for e in log.entries
    } == drawn


def test_every_variant_is_held_against_a_run() -> None:
    loaded = {name: registry.load("scenario", name) for name in registry.names("scenario")}
    known = {(name, variant) for name, one in loaded.items() if isinstance(one, Scenario) for variant in one.steps}
    assert known == {*VARIANTS, ("split_llm", "head-tail"), ("split_llm", "head-body-tail")}
