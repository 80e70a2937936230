"""Fixtures of all scenarios' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs private parties in this process, one after the other."""
    with Runner(isolation="none", threads=1, limits=Limits(cpu_seconds=120.0)) as runner:
        yield runner
