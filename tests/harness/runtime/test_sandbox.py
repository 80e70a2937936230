"""The sandbox, played against: what a submission tries there, seen from inside and from outside of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from harness.assets.cache import cache_root
from harness.errors import DefenseError, SuiteError
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.runtime import sandbox
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.isolation import launch
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario
from tests.stand_ins.hostile_workers import ANSWERS, hostile
from tests.stand_ins.sandbox_probes import ATTEMPTS, ENDINGS, IN_A_PROCESS, outcomes, probe

Make = Callable[..., Submission]
ROOT = Path(__file__).resolve().parents[3]
LIMITS = Limits(cpu_seconds=20.0, wall_seconds=60.0, memory_bytes=6 * 2**30)
NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=5.0, scale=0.1))
"""


@pytest.fixture
def confined(sandbox_server: ForkServer) -> Iterator[Runner]:
    with Runner("sandbox", threads=1, limits=LIMITS, fork_server=sandbox_server) as runner:
        yield runner


def frames(outcome: Outcome) -> list[bytes]:
    return [entry.frame for entry in outcome.log.entries]


def test_process_and_sandbox_send_the_same_bytes(
    confined: Runner, worker_server: ForkServer, toy_deployment: Deployment, submission: Make
) -> None:
    task = Execution(submission(NOISE), noise=("point", 0))
    with Runner(threads=1, fork_server=worker_server) as plain:
        outside = plain.execute(toy_deployment, task)
    inside = confined.execute(toy_deployment, task)
    assert frames(inside) == frames(outside)
    assert inside.predictions == outside.predictions
    assert inside.ledger == outside.ledger
    assert inside.costs.private_flops == outside.costs.private_flops
    assert inside.costs.private_peak_bytes > 50 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names("scenario"))
def test_every_scenario_sends_the_same_bytes(
    name: str, confined: Runner, worker_server: ForkServer, toy_folder: Path
) -> None:
    scenario = registry.load("scenario", name)
    assert isinstance(scenario, Scenario)
    deployment = scenario.small(str(toy_folder))
    confined.limits = replace(LIMITS, cpu_seconds=120.0, wall_seconds=600.0)
    with Runner(threads=1, fork_server=worker_server) as plain:
        outside = plain.execute(deployment, Execution(None))
    inside = confined.execute(deployment, Execution(None))
    assert frames(inside) == frames(outside)
    assert inside.predictions == outside.predictions


class Tried:
    """A probe, and the places outside that it aims at."""

    def __init__(self, deployment: Deployment, make: Make, folder: Path) -> None:
        self.target = folder / "written"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.05)
        parts = {str(p) for plan in deployment.parties.values() for p in _parts(plan)}
        (cache_root() / "wheels").mkdir(parents=True, exist_ok=True)
        other = next(
            p.parent for p in sorted((cache_root() / "parts").glob("*/*/part.json")) if str(p.parent) not in parts
        )
        self.facts: dict[str, Any] = {
            "ROOT": str(ROOT),
            "CACHE": str(cache_root()),
            "HOME": str(Path.home()),
            "OTHER_PART": str(other),
            "HARNESS": os.getpid(),
            "TARGET": str(self.target),
            "PORT": self.listener.getsockname()[1],
            "INHERITED": list(range(3, 64)),
        }
        self.make = make

    def task(self, names: Iterable[str]) -> Execution:
        """A run that makes these attempts."""
        return Execution(self.make(probe(names, **self.facts)))

    def reached(self) -> list[str]:
        """What is there outside that was not before."""
        reached = [path.name for path in self.target.parent.iterdir() if path.name.startswith("written")]
        reached += [str(p) for p in (Path("/dev/shm/leakboard-note"), cache_root() / "note") if p.exists()]
        try:
            self.listener.accept()[0].close()
            reached.append("a connection")
        except TimeoutError:
            pass
        return reached


def _parts(plan: Any) -> Iterator[Path]:
    from harness.models import part_folder

    for ref in plan.parts.values():
        yield part_folder(ref.model, ref.start, ref.stop, ref.head, ref.embed)


@pytest.fixture
def tried(toy_deployment: Deployment, submission: Make, tmp_path: Path) -> Iterator[Tried]:
    from harness.models import part_folder
    from harness.wire.facts import SplitFacts

    part_folder(toy_deployment.public.need(SplitFacts).model, 0, None, True)  # one that no party has
    tried = Tried(toy_deployment, submission, tmp_path)
    yield tried
    tried.listener.close()
    for path in (Path("/dev/shm/leakboard-note"), cache_root() / "note"):
        path.unlink(missing_ok=True)


def test_everything_that_is_tried_in_the_sandbox_is_refused(
    confined: Runner, toy_deployment: Deployment, tried: Tried
) -> None:
    seen = outcomes(confined.execute(toy_deployment, tried.task(ATTEMPTS)).predictions)
    done = {name for name in ATTEMPTS if seen[name] == "done"}
    if os.geteuid() == 0 and confined.sandbox == sandbox.LANDLOCK:
        done -= {"starts threads without end"}  # root's threads are not counted; docs/isolation.md says so
    assert not done
    assert tried.reached() == []
    assert len(seen["descriptors"]) == 5, "standard streams, the socket, and the one that lists them"
    assert not {"LEAKBOARD_CACHE", "PYTEST_CURRENT_TEST", "SHELL", "LOGNAME"} & seen["environment"].keys()
    assert not any(str(ROOT) in value or str(Path.home()) in value for value in seen["environment"].values())
    assert frames(confined.execute(toy_deployment, Execution(None)))  # other runs go on
    if os.geteuid() == 0 and confined.sandbox == sandbox.BUBBLEWRAP:
        assert seen["who"][0] not in (0, os.getuid())


def test_much_of_it_can_be_done_in_a_plain_process(
    worker_server: ForkServer, toy_deployment: Deployment, tried: Tried
) -> None:
    """Else the test above would prove nothing."""
    with Runner(threads=1, limits=LIMITS, fork_server=worker_server) as plain:
        seen = outcomes(plain.execute(toy_deployment, tried.task(IN_A_PROCESS)).predictions)
    assert {name: seen[name] for name in IN_A_PROCESS} == dict.fromkeys(IN_A_PROCESS, "done")
    assert "a connection" in tried.reached()
    assert "written" in tried.reached()


@pytest.mark.parametrize("case", ENDINGS)
def test_a_hostile_submission_ends_with_a_reason_and_the_next_run_is_sound(
    case: str, confined: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    statements, words = ENDINGS[case]
    body = f"import os\nclass Plugin(Defense):\n    def send(self, message):\n{indent(statements, ' ' * 8)}\n"
    body += "        return message\n"
    wall = 4.0 if "sleep" in statements else 120.0
    confined.limits = Limits(cpu_seconds=3.0, wall_seconds=wall, memory_bytes=4 * 2**30)
    with pytest.raises(DefenseError, match=words) as raised:
        confined.execute(toy_deployment, Execution(submission(body)))
    assert str(raised.value).isprintable()
    confined.limits = LIMITS
    assert frames(confined.execute(toy_deployment, Execution(None)))


@pytest.mark.parametrize("case", ["bytes that are no frame", "a recursion bomb in a message", "a message of NaN"])
def test_forged_answers_from_the_sandbox_are_refused(
    case: str, confined: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    statement, words = ANSWERS[case]
    with pytest.raises(DefenseError, match=words):
        confined.execute(toy_deployment, Execution(submission(hostile(statement))))


def test_workers_of_two_runs_cannot_read_each_other(
    confined: Runner, toy_deployment: Deployment, submission: Make, tmp_path: Path
) -> None:
    """The files of a run are readable while its worker lives: here, too, to nobody else."""
    other = submission("class Plugin(Defense):\n    pass\n", "other")
    assert confined.fork_server is not None
    with confined.scratch() as scratch:
        spec = worker_spec(toy_deployment, Execution(other), 1, scratch=Path(scratch))
        transport = launch("sandbox", spec, confined.fork_server, LIMITS)
        try:
            path = Path(spec["submission"]["folder"]) / "defense.py"
            curious = submission(f"""
            import os
            from harness.protocol.party import Party
            SEEN = []
            for attempt in (lambda: open({str(path)!r}).read(), lambda: os.listdir({str(path.parent)!r})):
                try:
                    SEEN.append(str(attempt()))
                except OSError as error:
                    SEEN.append(type(error).__name__)
            predict = Party.predict
            Party.predict = lambda me, record, value: predict(me, record, {{**value, "outcomes": SEEN}})

            class Plugin(Defense):
                pass
            """)
            seen: Any = outcomes(confined.execute(toy_deployment, Execution(curious)).predictions)
            assert seen == ["PermissionError", "PermissionError"]
            assert path.read_text()
        finally:
            transport.close()


def test_a_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.sandbox_problems.cache_clear()
    monkeypatch.setattr(sandbox, "landlock_version", lambda: 0)
    with pytest.raises(SuiteError, match=r"no Landlock; use Linux 5\.13"):
        sandbox.sandbox_level()
    sandbox.sandbox_problems.cache_clear()
    monkeypatch.undo()
    monkeypatch.setattr("harness.runtime.sandbox.shutil.which", lambda name: None)
    assert "apt-get install bubblewrap" in sandbox.sandbox_problems()[sandbox.BUBBLEWRAP]
    if sandbox.LANDLOCK not in sandbox.sandbox_problems():
        assert sandbox.sandbox_level() == sandbox.LANDLOCK
    monkeypatch.undo()
    sandbox.sandbox_problems.cache_clear()


def test_each_isolation_wants_a_server_of_its_kind(worker_server: ForkServer, toy_deployment: Deployment) -> None:
    for runner in (Runner("sandbox", fork_server=worker_server), Runner("sandbox")):
        with pytest.raises(SuiteError, match="server of its kind"):
            runner.execute(toy_deployment, Execution(None))
    with pytest.raises(SuiteError, match="known: none, process, sandbox"):
        Runner("jail").execute(toy_deployment, Execution(None))
