"""Entries of quick suites that are meant to rank: sharing pays there, well above what needs no protocol."""

from __future__ import annotations

import pytest

from harness.plugins import registry
from harness.plugins.suite import Entry, load_suite
from harness.protocol.behaviours import HONEST, LOCAL_ONLY
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.score.utility import utility
from harness.util.seeds import PUBLIC_SALT, numpy_generator, secret_axis

TRADING = {
    "quick": ("pii-cut25", "skills-cut25"),
    "gradient-quick": ("smollm2-publishers",),
    "logit-quick": ("fedmd-publishers",),
    "prototype-quick": ("tweets-fedproto", "tweets-unweighted"),
    "synthetic-quick": ("aug-pe-party",),
}
"""Quick suite -> its entries with a trade-off to rank by; the suites' other entries are leakage only."""

STANDARD = ("skills-cut0", "sciq-cut25", "pii-cut25")
"""Entries of ``standard-small`` to rank by, over their five seeds."""

CASES = [
    *((suite, name, (seed,)) for suite, names in TRADING.items() for name in names for seed in (0, 1)),
    *(("standard-small", name, (0, 1, 2, 3, 4)) for name in STANDARD),
]
"""The seed of the quick suites, and another one; all seeds together where ranks count."""


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
@pytest.mark.parametrize(("suite", "name", "seeds"), CASES)
def test_sharing_pays_by_the_gap_that_utility_needs(suite: str, name: str, seeds: tuple[int, ...]) -> None:
    scored = [_scores(suite, _entry(suite, name), seed) for seed in seeds]
    u, by_itself, blind = (
        {seed: scores[place] for seed, scores in zip(seeds, scored, strict=True)} for place in range(3)
    )
    estimate = utility(u, u, [by_itself, blind], rng=numpy_generator("gap", suite, name, *seeds))
    assert estimate.void is None
    assert estimate.value == pytest.approx(1.0)


def _scores(suite: str, entry: Entry, seed: int) -> list[dict[str, float]]:
    """Undefended, local-only and blind scores of the entry's one task, by record."""
    scenario = registry.load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    # As drawn by a local evaluation.
    live = scenario.deployment(entry.name, entry.settings, (suite, entry.scenario, seed, secret_axis(PUBLIC_SALT)))
    alone = live.variants[LOCAL_ONLY]() if LOCAL_ONLY in live.variants else live
    (task,) = live.tasks
    with Runner(isolation="none", threads=1) as runner:
        shared, own = (
            runner.execute(deployment, Execution(None, 0, behaviour)).predictions
            for behaviour, deployment in ((HONEST, live), (LOCAL_ONLY, alone))
        )
    scored = (task.score(shared, shared), task.score(own, shared), task.blind())
    return [{score.record: score.value for score in scores if score.value is not None} for scores in scored]
