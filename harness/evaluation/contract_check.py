"""Contract check of a submission on a tiny random model: every hook is exercised, all problems are reported at once.

The model's numbers mean nothing; what is checked is that the defense runs, keeps the contract, is reproducible
and keeps no state between parties. It takes seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import DefenseError, ManifestError
from harness.evaluation.trial import LIMITS
from harness.plugins import registry
from harness.plugins.identity import check_identity
from harness.plugins.submission import EVERYWHERE, Submission, load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario

__all__ = ["check_submission"]


def check_submission(path: str | Path, isolation: str = "process") -> list[str]:
    """Everything that is wrong with the submission in a folder; empty when it passes. ``isolation`` is of its runs."""
    try:
        submission = load_submission(path)
        check_identity(submission)
    except ManifestError as error:
        return list(error.problems)
    with tempfile.TemporaryDirectory() as folder, Runner(isolation, threads=1, limits=LIMITS) as runner:
        return list(_problems(submission, runner, folder))


def _problems(submission: Submission, runner: Runner, folder: str) -> Iterator[str]:
    known = registry.names("scenario")
    for name in known if EVERYWHERE in submission.scenarios else submission.scenarios:
        if name not in known:
            yield f"scenarios: no scenario named {name!r}; known: {', '.join(known)}"
            continue
        scenario = registry.load("scenario", name)
        assert isinstance(scenario, Scenario)
        deployment = scenario.small(folder)
        for index, point in enumerate(submission.points):
            for problem in _point_problems(submission, index, deployment, runner):
                yield f"{name}, point {index} ({point.label}): {problem}"


def _point_problems(submission: Submission, index: int, deployment: Deployment, runner: Runner) -> Iterator[str]:
    execution = Execution(submission, index, noise=("check",))
    try:
        first, again = (runner.execute(deployment, execution) for _ in range(2))
    except DefenseError as error:
        yield str(error)
        return
    if _frames(first) != _frames(again):
        yield "two runs with the same seed sent different bytes; draw all randomness from self.me.generator"
    missing = {i.id for plan in deployment.parties.values() for i in plan.items} - set(first.predictions)
    if missing:
        yield f"no prediction for {len(missing)} of the inputs"


def _frames(outcome: Outcome) -> list[bytes]:
    return [entry.frame for entry in outcome.log.entries]
