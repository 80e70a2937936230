"""Deployments and runs that several tests of synthetic_fusion share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from tests.stand_ins.toy_fusion import METHODS, toy_deployment


@pytest.fixture(scope="session")
def worlds(toy_folder: Path) -> Mapping[str, Deployment]:
    """Method -> small deployment."""
    return {method: toy_deployment(str(toy_folder), method) for method in METHODS}


@pytest.fixture(scope="session")
def outcome_of(runner: Runner, worlds: Mapping[str, Deployment]) -> Callable[[str], Outcome]:
    """Method -> its honest run without a defense, made once."""
    return cache(lambda method: runner.execute(worlds[method], Execution(None)))
