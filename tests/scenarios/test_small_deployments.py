"""The small deployment of every shipped scenario runs, and every message of it keeps the contract of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plugins import registry
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario


@pytest.mark.parametrize("name", registry.names("scenario"))
def test_every_message_keeps_the_contract(name: str, worker_server: ForkServer, tmp_path: Path) -> None:
    """The channel refuses a message that breaks it (:mod:`harness.wire.kinds`), so a run that ends has broken none."""
    scenario = registry.load("scenario", name)
    assert isinstance(scenario, Scenario)
    with Runner(threads=1, fork_server=worker_server) as runner:
        outcome = runner.execute(scenario.small(str(tmp_path)), Execution(None))
    assert outcome.log.entries and outcome.predictions
