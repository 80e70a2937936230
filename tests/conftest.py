"""What every test may use: a tiny random model with texts, and submissions written on the spot."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from harness.plugins.submission import Submission, load_submission
from harness.runtime.fork_server import ForkServer
from harness.scenario.deployment import Deployment

MANIFEST = """
name = "{name}"
title = "test"
summary = "written by a test"
authors = ["tests"]
licence = "Apache-2.0"
class = "defense:Plugin"
source = "none"
scenarios = ["split_llm"]

[[points]]
label = "only"
"""


MOST_PROCESSES = 4
"""Each further process imports everything anew, which takes it a quarter of a minute."""


def pytest_configure(config: pytest.Config) -> None:
    """Compute with one thread, also in subprocesses, unless real models are run: on matrices as small as those here the
    threads of linear algebra wait for each other, and cost a multiple of what they compute where cores are shared."""
    if _without_real_models(config):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")  # read when a library is loaded, which none is yet


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores, as tests wait for browsers, compilers and workers.

    None beside pytest itself where files or single tests are named, so that a debugger works in them, and where real
    models are run, which compute with threads. ``-n`` on the command line overrides.
    """
    if not _without_real_models(config) or not all(Path(name).is_dir() for name in config.args):
        return 0
    return min((os.cpu_count() or 1) + 1, MOST_PROCESSES)


def _without_real_models(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "not slow")


@pytest.fixture(scope="session")
def worker_server() -> Iterator[ForkServer]:
    """One worker server for the session; every run still gets a fresh worker of it."""
    from tests.stand_ins.warm_fork_server import WarmForkServer

    server = WarmForkServer()
    yield server
    server.end()


@pytest.fixture(scope="session", params=["bubblewrap", pytest.param("landlock", marks=pytest.mark.slow)])
def sandbox_server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    """One sandbox of each level for the session, where this machine has it."""
    from harness.runtime.sandbox import sandbox_problems
    from tests.stand_ins.warm_fork_server import WarmSandbox

    if why := sandbox_problems().get(request.param):
        pytest.skip(f"no sandbox of level {request.param}: {why}")
    server = WarmSandbox(request.param)
    yield server
    server.end()


@pytest.fixture
def shared_workers(worker_server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners made in this test, also by ``evaluate`` and ``check``, take the session's worker server."""
    monkeypatch.setattr("harness.runtime.runner.ForkServer", lambda: worker_server)


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for toy models, shared by the session."""
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="session")
def toy_deployment(toy_folder: Path) -> Deployment:
    """split_llm on a tiny random model: head-body-tail, classification with two generated tokens."""
    from scenarios.split_llm.scenario import SPLIT_LLM

    return SPLIT_LLM.small(str(toy_folder))


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Submission]:
    """Writes ``submissions/NAME`` with the given body of ``defense.py`` and loads it."""

    def make(body: str, name: str = "plugin") -> Submission:
        folder = tmp_path / "submissions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "submission.toml").write_text(MANIFEST.format(name=name))
        (folder / "defense.py").write_text("import torch\nfrom harness import Defense\n\n" + dedent(body))
        return load_submission(folder)

    return make


@pytest.fixture(scope="session")
def toy_csv(toy_folder: Path) -> Path:
    """The toy records as a local data file."""
    from harness.scenario.toy import toy_records

    path = toy_folder / "toy.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([record.text, record.label] for record in toy_records())
    return path
