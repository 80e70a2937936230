"""The view of a target: the same resources for the live run, and what is refused where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.errors import SuiteError
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from tests.stand_ins.toy_membership import bank_of, view_on
from tests.stand_ins.toy_protocol import deployment


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    return deployment(str(toy_folder), rounds=1)


@pytest.fixture
def runner() -> Runner:
    """Nothing is run here."""
    return Runner(isolation="none", threads=1)


def test_the_live_view_has_the_deployments_public_side(runner: Runner, pooled: Deployment) -> None:
    view = view_on(runner, pooled, bank=bank_of(runner, pooled, None))
    assert view.public is pooled.public and view.candidates is pooled.candidates
    assert view.embed(["Meet me in Oslo"]).shape == (1, 32)
    again = view.as_target(0, torch.Generator())
    assert again.public is pooled.public and again.rng is not view.rng


def test_the_public_facts_of_a_shadow_target_are_the_live_runs_own(runner: Runner, pooled: Deployment) -> None:
    target = view_on(runner, pooled, bank=bank_of(runner, pooled, None)).as_target(1, torch.Generator())
    assert target.public.facts is pooled.public.facts
    assert target.public is target.public
    left, everything = ({r.id for r in p.auxiliary} for p in (target.public, pooled.public))
    assert left < everything


def test_without_shadow_runs_no_shadow_is_a_target(runner: Runner, pooled: Deployment) -> None:
    view = view_on(runner, pooled)
    assert view.shadows() == ()
    with pytest.raises(SuiteError, match="target 3 is a shadow, and this run has none"):
        view.as_target(3, torch.Generator()).members()
