"""Deployments that several tests of prototype_sharing share."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenario.deployment import Deployment
from tests.stand_ins.toy_prototypes import CANDIDATES, deployment


@pytest.fixture(scope="session")
def asked(toy_folder: Path) -> Deployment:
    """A deployment with membership candidates."""
    return deployment(toy_folder, **CANDIDATES)
