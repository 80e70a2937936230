"""Fixtures of all scenarios' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.runtime.runner import Runner


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs private parties in this process, one after the other."""
    with Runner(isolation="none", threads=1, time_limit=120.0) as runner:
        yield runner
