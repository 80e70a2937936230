"""Entries of quick suites that are meant to rank: sharing pays there, well above what needs no protocol."""

from __future__ import annotations

import pytest

from harness.plugins import registry
from harness.plugins.suite import Entry, load_suite
from harness.protocol.behaviours import HONEST, LOCAL_ONLY
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.score.results import RecordScores
from harness.score.utility import utility
from harness.store.schema import Score
from harness.util.seeds import PUBLIC_SALT, numpy_generator, secret_axis

TRADING = {
    "gradient-quick": ("smollm2-publishers",),
    "logit-quick": ("fedmd-publishers",),
    "prototype-quick": ("tweets-fedproto", "tweets-unweighted"),
    "synthetic-quick": ("aug-pe-party",),
}
"""Quick suite -> its entries with a trade-off to rank by; the suites' other entries are leakage only."""

CASES = [(suite, name, seed) for suite, names in TRADING.items() for name in names for seed in (0, 1)]
"""The seed of the quick suites and another one."""


def _entry(suite: str, name: str) -> Entry:
    return next(entry for entry in load_suite(suite).entries if entry.name == name)


@pytest.mark.parametrize("suite", sorted(TRADING))
def test_every_quick_suite_has_an_entry_to_rank_by(suite: str) -> None:
    names = {entry.name for entry in load_suite(suite).entries}
    assert TRADING[suite]
    assert set(TRADING[suite]) <= names
    source = registry.suites()[suite].read_text()
    assert source.count("# Leakage only: ") == len(names) - len(TRADING[suite]), "say why the others do not rank"


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "name", "seed"), CASES)
def test_sharing_pays_by_the_gap_that_utility_needs(suite: str, name: str, seed: int) -> None:
    entry = _entry(suite, name)
    scenario = registry.load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    # As drawn by a local evaluation.
    live = scenario.deployment(entry.name, entry.settings, (suite, entry.scenario, seed, secret_axis(PUBLIC_SALT)))
    alone = live.variants[LOCAL_ONLY]()
    (task,) = live.tasks
    with Runner(isolation="none", threads=1) as runner:
        predicted = {
            behaviour: runner.execute(deployment, Execution(None, 0, behaviour)).predictions
            for behaviour, deployment in ((HONEST, live), (LOCAL_ONLY, alone))
        }
    shared, own = (task.score(predicted[behaviour], {}) for behaviour in (HONEST, LOCAL_ONLY))
    u, by_itself, blind = (_by_seed(seed, scores) for scores in (shared, own, task.blind()))
    estimate = utility(u, u, [by_itself, blind], rng=numpy_generator("gap", suite, name, seed))
    assert estimate.void is None
    assert estimate.value == pytest.approx(1.0)


def _by_seed(seed: int, scores: tuple[Score, ...]) -> RecordScores:
    return {seed: {score.record: score.value for score in scores if score.value is not None}}
