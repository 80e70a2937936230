"""Time of a suite in the sandbox over its time in plain processes: ``python -m benchmarks.isolation [SUITE]``.

Without a suite it is a toy: the undefended runs of the small split deployment, in turns, each level with a server that
is up. Prints seconds, their ratio, and what a server takes to start.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment

RUNS = 15
MOST = 1.15
"""Ratio that the quick suite is to keep."""


def toy(folder: str) -> dict[str, float]:
    """Median seconds of a run at each level."""
    from scenarios.split_llm.scenario import SPLIT_LLM

    deployment = SPLIT_LLM.small(folder)
    with Runner("process", threads=1) as plain, Runner("sandbox", threads=1) as confined:
        print(f"sandbox: {confined.sandbox}")
        seconds: dict[str, list[float]] = {"process": [], "sandbox": []}
        for runner in (plain, confined):
            print(f"{runner.isolation}: first run, with the start of the server, {_timed(runner, deployment):.2f} s")
        for _ in range(RUNS):
            for runner in (plain, confined):
                seconds[runner.isolation].append(_timed(runner, deployment))
    return {level: statistics.median(values) for level, values in seconds.items()}


def _timed(runner: Runner, deployment: Deployment) -> float:
    started = time.perf_counter()
    runner.execute(deployment, Execution(None))
    return time.perf_counter() - started


def whole(suite: str, folder: str) -> dict[str, float]:
    """Seconds of evaluating the undefended submission afresh at each level."""
    from harness.cli.common import console
    from harness.cli.reporter import make_reporter
    from harness.evaluation.evaluate import evaluate

    seconds = {}
    for level in ("process", "sandbox"):
        started = time.perf_counter()
        store = Path(folder, f"{level}.duckdb")
        with make_reporter(console(stderr=True), plain=True) as progress:
            evaluate("none", suite, store, isolation=level, progress=progress, shipped=False)
        seconds[level] = time.perf_counter() - started
    return seconds


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = whole(sys.argv[1], folder) if len(sys.argv) > 1 else toy(folder)
    ratio = seconds["sandbox"] / seconds["process"]
    print(f"process {seconds['process']:.3f} s, sandbox {seconds['sandbox']:.3f} s, ratio {ratio:.2f} (at most {MOST})")


if __name__ == "__main__":
    main()
