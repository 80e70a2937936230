"""lm-eval tasks alone: a submission's operating points on a split model, without attacks and without a store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.data.record import content_id
from harness.errors import SuiteError
from harness.evaluation.lm_eval_model import ask, deployment_model
from harness.lm_eval.prompts import Form, Prompt
from harness.lm_eval.tasks import load_tasks, requests_of
from harness.plugins import registry
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.scenario.toy import toy_records

__all__ = ["SCENARIO", "Tried", "run_tasks"]

SCENARIO = "split_llm"
"""The scenario whose model is asked."""
PUBLIC = 64
"""Public texts for defenses that are set up with some."""


@dataclass(frozen=True)
class Tried:
    """Results of one operating point."""

    submission: str
    point: int
    label: str
    results: Mapping[str, Mapping[str, Any]]
    """Task -> metric -> value, as lm-eval names them."""
    megabytes: float
    """Sent by the private party, for all tasks together."""
    seconds: float

    def shown(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "submission": self.submission,
            "point": self.point,
            "label": self.label,
            "results": {task: dict(values) for task, values in self.results.items()},
            "bytes_up": round(self.megabytes * 1e6),
            "seconds": self.seconds,
        }


def run_tasks(
    path: str | Path,
    tasks: Sequence[str],
    settings: Mapping[str, Any],
    *,
    limit: int | None,
    points: Sequence[int] = (),
    isolation: str = "process",
    threads: int = 1,
) -> list[Tried]:
    """Ask the first ``limit`` questions of each task at each operating point, all points without ``points``.

    Args:
        path: folder or name of a submission.
        tasks: names of embedded tasks, or of lm-eval's own.
        settings: settings of a split_llm entry: ``model``, ``cut``, ``topology``, ``tail_blocks``, ``max_tokens``.
        limit: questions of each task; None: all.
        points: operating points.
        isolation: of the private party.
        threads: of each side.

    Raises:
        SuiteError: settings, points or tasks that cannot be used.
    """
    if not tasks:
        raise SuiteError("name at least one lm-eval task")
    submission = load_submission(registry.find_submission(path))
    scenario = registry.load("scenario", SCENARIO)
    if not isinstance(scenario, Scenario) or scenario.answering is None:
        raise SuiteError(f"scenario {SCENARIO!r} cannot be asked lm-eval's questions")
    if not submission.applies_to(SCENARIO):
        raise SuiteError(f"submission {submission.name!r} is not made for scenario {SCENARIO}")
    chosen = list(points) or list(range(len(submission.points)))
    last = len(submission.points) - 1
    if wrong := [point for point in chosen if not 0 <= point <= last]:
        raise SuiteError(f"submission {submission.name!r}: no operating point {wrong[0]}; it has 0 to {last}")
    # Whole questions are asked: a text longer than the model reaches is the model's own error.
    read = scenario.settings.read("lm-eval", {"max_tokens": 10**6, **settings, "utility": [{"lm_eval": tasks[0]}]})
    public = public_texts(tasks, limit)
    tried = []
    with Runner(isolation=isolation, threads=threads) as runner:
        for point in chosen:
            execution = Execution(submission, point, noise=("point", point))
            answering = partial(_answering, scenario, read, public)
            lm = deployment_model(str(settings["model"]), answering, runner, execution)
            started = time.perf_counter()
            results = ask(lm, tasks, limit)
            seconds, sent = time.perf_counter() - started, sum(cost.bytes_up for cost in lm.costs)
            tried.append(Tried(submission.name, point, submission.points[point].label, results, sent / 1e6, seconds))
    return tried


def public_texts(tasks: Sequence[str], limit: int | None) -> list[str]:
    """Texts that a defense may be set up with: questions of the tasks that are not asked, else a few toy messages."""
    texts: dict[str, str] = {}
    for task in (task for name in tasks for task in load_tasks(name)):
        start = len(task.eval_docs) if limit is None else limit
        for number in range(start, min(start + PUBLIC, len(task.eval_docs))):
            text = str(requests_of(task, number)[0].args[0]).rstrip()
            if text and len(texts) < PUBLIC:
                texts.setdefault(content_id(text), text)
    return list(texts.values()) or [record.text for record in toy_records()]


def _answering(scenario: Scenario, settings: Any, public: Sequence[str], form: Form, prompts: Sequence[Prompt]) -> Any:
    assert scenario.answering is not None
    return scenario.answering(settings, form, prompts, public, ("lm-eval", SCENARIO, 0))
