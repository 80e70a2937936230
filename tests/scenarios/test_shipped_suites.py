"""Every entry of every shipped suite can be built on the real data: no suite asks for more records than there are."""

from __future__ import annotations

import pytest

from harness.plugins import registry
from harness.plugins.suite import Entry, load_suite
from harness.scenario.plugin import Scenario

CASES = [(name, entry) for name in sorted(registry.suites()) for entry in load_suite(name).entries]


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "entry"), CASES, ids=[f"{name}-{entry.name}" for name, entry in CASES])
def test_entries_can_be_built_at_their_first_and_last_seed(suite: str, entry: Entry) -> None:
    scenario = registry.load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    for seed in sorted({entry.seeds[0], entry.seeds[-1]}):
        made = scenario.deployment(entry.name, entry.settings, (suite, entry.scenario, seed))
        assert made.parties
        assert {attack.secret for attack in entry.attacks} <= {*made.secrets, ""}
        assert {attack.coalition or "server" for attack in entry.attacks} <= set(made.coalitions)
