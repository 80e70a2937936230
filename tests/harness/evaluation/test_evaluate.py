"""The main job from plan to report, on a tiny model: resume, recompute what changed, errors, controls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from harness.assessment.report import Report, result_rows
from harness.evaluation.evaluate import evaluate
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model
from harness.store import Store
from harness.util.keys import source_hash
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import toy_suite

Make = Callable[..., Submission]

NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=None, scale=0.05))
"""


@pytest.fixture
def suite(tmp_path: Path, toy_folder: Path, toy_csv: Path) -> Path:
    path = tmp_path / "toysuite.toml"
    path.write_text(toy_suite("toysuite", toy_model(toy_folder), toy_csv))
    return path


@pytest.fixture
def job(tmp_path: Path, suite: Path) -> Callable[..., tuple[Report, Quiet]]:
    def run(submission: Submission, **options: object) -> tuple[Report, Quiet]:
        quiet = Quiet()
        report = evaluate(submission.folder, suite, tmp_path / "s.duckdb", progress=quiet, **options)  # type: ignore[arg-type]
        return report, quiet

    return run


Job = Callable[..., tuple[Report, Quiet]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the store of :func:`noisy`."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def noisy(job: Job, submission: Make, tmp_path: Path, shelf: Path, shared_workers: None) -> Submission:
    """``NOISE``, evaluated already in the store of ``job``: by the first test that asks, for the others by a copy."""
    made = submission(NOISE)
    if not any(shelf.iterdir()):
        job(made)
        shelve(tmp_path, shelf)
    shutil.copytree(shelf, tmp_path, dirs_exist_ok=True)
    return made


def shelve(folder: Path, shelf: Path) -> None:
    """Keep the store of ``job`` for :func:`noisy`."""
    shutil.copy(folder / "s.duckdb", shelf)
    shutil.copytree(folder / "s.files", shelf / "s.files")


def test_a_submission_is_scored_and_nothing_is_computed_twice(
    job: Job, submission: Make, tmp_path: Path, shelf: Path
) -> None:
    """With worker servers of the job's own, as in use."""
    plugin = submission(NOISE)
    report, quiet = job(plugin)
    if not any(shelf.iterdir()):
        shelve(tmp_path, shelf)
    (row,) = report.rows
    assert report.computed == quiet.total == len(quiet.fresh())
    assert row.status == "ok", row.reason
    assert row.utility is not None
    assert row.efficiency is not None
    assert row.utility_low is not None
    assert row.utility_low <= row.utility <= 1.0
    again, quiet = job(plugin)
    assert (again.computed, again.reused) == (0, report.computed)
    assert again.rows == report.rows
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        assert {r.submission for r in result_rows(store)} == {"none", "plugin"}
        assert [r for r in result_rows(store) if r.submission == "plugin"] == report.rows
    manifest = json.loads((tmp_path / "s.files" / "manifests" / "plugin.json").read_text())
    assert (manifest["name"], manifest["title"]) == (plugin.name, plugin.title)
    Store.rebuild(tmp_path / "s.duckdb")
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        assert [r for r in result_rows(store) if r.submission == "plugin"] == report.rows


@pytest.mark.slow
@pytest.mark.usefixtures("shared_workers")
def test_results_do_not_depend_on_how_many_runs_are_worked_on_at_a_time(
    suite: Path, submission: Make, tmp_path: Path
) -> None:
    plugin = submission(NOISE)
    content = []
    for jobs in (1, 3):
        path = tmp_path / f"{jobs}.duckdb"
        evaluate(plugin.folder, suite, path, progress=Quiet(), jobs=jobs)
        with Store.open(path, read_only=True) as store:
            content.append(
                [
                    store.query("SELECT key, run_key, role, name, status, reason FROM cells ORDER BY ALL"),
                    store.query("SELECT * FROM scores ORDER BY ALL"),
                    store.query("SELECT key, status, bytes_up, private_flops FROM runs ORDER BY ALL"),
                ]
            )
    assert content[0] == content[1]
    assert all(content[0])


def test_a_changed_defense_recomputes_its_own_runs_alone(job: Job, submission: Make, noisy: Submission) -> None:
    _, quiet = job(submission(NOISE + "\n# another line\n"))
    fresh = quiet.fresh()
    assert fresh
    assert all(" plugin [" in label for label in fresh)
    _, quiet = job(submission(NOISE + "\n# another line\n"))
    assert quiet.fresh() == []


@pytest.mark.slow
def test_another_version_of_a_suite_stands_beside_the_first_one(
    job: Job, noisy: Submission, suite: Path, tmp_path: Path
) -> None:
    first, _ = job(noisy)
    text = suite.read_text().replace("version = 1", "version = 2")
    suite.write_text(text.replace('"nearest_token"', '"ridge_inverter"'))
    second, _ = job(noisy)
    assert second.reused == 0
    assert [(row.suite, row.entry) for row in second.rows] == [("toysuite@2", "generation")]
    assert second.rows[0].utility == first.rows[0].utility
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        assert [r for r in result_rows(store) if r.submission == "plugin" and r.suite == "toysuite@1"] == first.rows


def test_a_changed_attack_recomputes_its_cells_and_no_run(
    job: Job, noisy: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.evaluation import plan

    real, execute = source_hash, Runner.execute

    def changed(module: str, package: str) -> str:
        return real(module, package) + ("x" if module.endswith(".nearest_token") else "")

    def refuse(self: Runner, deployment: Deployment, execution: Execution) -> Outcome:
        assert execution.paired, "a run was made again"  # simulations belong to the attack
        return execute(self, deployment, execution)

    monkeypatch.setattr(plan, "source_hash", changed)
    monkeypatch.setattr(Runner, "execute", refuse)
    _, quiet = job(noisy)
    assert quiet.fresh()
    assert all("nearest_token" in label for label in quiet.fresh())


@pytest.mark.usefixtures("shared_workers")
def test_a_broken_defense_ends_as_error_and_others_go_on(job: Job, submission: Make) -> None:
    report, _ = job(submission("class Plugin(Defense):\n    def send(self, m): return 1 / 0\n", name="broken"))
    (row,) = report.rows
    assert row.status == "error"
    assert "ZeroDivisionError" in str(row.reason)
    assert row.privacy is None
    good, quiet = job(submission(NOISE))
    assert good.rows[0].status == "ok"
    assert not any(" none [" in label for label in quiet.fresh())  # the undefended cells were kept


@pytest.mark.slow
def test_isolation_none_is_never_ranked(job: Job, submission: Make) -> None:
    report, _ = job(submission(NOISE), isolation="none")
    assert "isolation none: never ranked" in report.rows[0].flags


def test_answering_locally_is_flagged_as_bypass(
    job: Job, submission: Make, noisy: Submission, toy_folder: Path
) -> None:
    cheat = submission(
        f"""
    from dataclasses import replace
    from harness.models import load_part

    class Plugin(Defense):
        def setup(self, records, public):
            self.body = load_part({str(toy_model(toy_folder))!r}, 1, 2)

        def send(self, message):
            if message.step == 0:
                self.cache = self.body.new_cache()
            with torch.no_grad():
                mine = self.body(message["hidden"][None], self.cache)[0]
            return replace(message.replace(hidden=torch.zeros_like(message["hidden"])), state=mine)

        def receive(self, message):
            return message.replace(hidden=message.answers.state)
    """,
        name="cheat",
    )
    (row,) = job(cheat)[0].rows
    assert row.utility == pytest.approx(1.0)
    assert any(flag.startswith("bypass") for flag in row.flags)
    honest = job(noisy)[0].rows[0]
    assert not any(flag.startswith("bypass") for flag in honest.flags)


KILLED = """
import os, signal, socket, sys
from pathlib import Path
from threading import Lock
sys.path.insert(0, {root!r})
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import toy_suite
from harness.evaluation import evaluate
from harness.runtime import fork_server, runner

class Deadly(Quiet):
    def __init__(self, events):
        self.left = events

    def start(self, cell_label):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def done(self, cell_label, status, seconds):
        if status != "stored":
            self.start(cell_label)

class Forked(fork_server.ForkServer):  # imports nothing anew
    def __init__(self, control):
        self._lock, self._control = Lock(), control

    def _start(self):
        pass  # it runs

    def close(self):
        self._control.close()

evaluate._import_libraries()
fork_server._preload()
for events in {events}:
    control, theirs = socket.socketpair()
    if os.fork() == 0:
        control.close()
        fork_server.serve(theirs)
        os._exit(0)
    theirs.close()
    child = os.fork()
    if child == 0:
        runner.ForkServer = lambda: Forked(control)
        evaluate.evaluate({submission!r}, {suite!r}, Path({store!r}), progress=Deadly(events))
        os._exit(0)
    control.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""


@pytest.mark.slow
def test_kill_9_at_any_point_then_finish_gives_the_same_rows(
    job: Job, noisy: Submission, suite: Path, tmp_path: Path
) -> None:
    """Killed thrice: when two runs have begun, when a few cells are stored, and far on; each goes on from the last."""
    store = tmp_path / "killed.duckdb"
    code = KILLED.format(
        root=str(Path(__file__).parents[3]),
        events=(2, 10, 18),
        submission=str(noisy.folder),
        suite=str(suite),
        store=str(store),
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=registry._BESIDE, capture_output=True, text=True, check=False
    )
    assert killed.returncode == 0, killed.stderr
    with Store.open(store, read_only=True) as opened:
        assert opened.query("SELECT key FROM cells")
    finished = evaluate(noisy.folder, suite, store, progress=Quiet())
    assert finished.computed and finished.reused
    uninterrupted, _ = job(noisy)
    timing_free = ("efficiency", "pue")  # peak memory is measured, not computed
    for one, other in zip(finished.rows, uninterrupted.rows, strict=True):
        left, right = vars(one), vars(other)
        assert {k: v for k, v in left.items() if k not in timing_free} == {
            k: v for k, v in right.items() if k not in timing_free
        }
    assert _scores(store) == _scores(tmp_path / "s.duckdb")


def _scores(path: Path) -> list[dict[str, object]]:
    sql = "SELECT cell_key, record, metric, value FROM scores ORDER BY ALL"
    with Store.open(path, read_only=True) as store:
        return store.query(sql)


@pytest.mark.slow
def test_the_fork_server_ends_with_its_parent(tmp_path: Path) -> None:
    code = dedent("""
    import os, signal
    from harness.runtime.fork_server import ForkServer
    server = ForkServer()
    pid, sock = server.fork()
    print(server._process.pid, pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=registry._BESIDE, capture_output=True, text=True, check=False
    )
    pids = [int(x) for x in done.stdout.split()]
    deadline = time.monotonic() + 300  # for the busiest machine; a fraction of a second as a rule
    while time.monotonic() < deadline and any(_alive(pid) for pid in pids):
        time.sleep(0.1)
    assert len(pids) == 2
    assert not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_every_model_that_an_entry_names_is_fetched_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness import assets
    from harness.evaluation import evaluate
    from harness.plugins.suite import Suite

    asked: list[str] = []
    monkeypatch.setattr(assets, "ensure_model", lambda name, report: asked.append(name))
    monkeypatch.setattr(assets, "wheel", lambda name, report: asked.append(name))
    named = {"model": "all-minilm-l6-v2", "models": ["linear"], "second_model": "paraphrase-minilm-l3-v2"}
    settings = {**named, "rounds": 2, "data": "pii"}
    attack = {"name": "blind_classes", "secret": "label_distribution"}
    entry = {"name": "e", "scenario": "logit_kd", "seeds": [0], "attacks": [attack]}
    made = {"name": "s", "version": 1, "title": "t", "entries": [entry | {"settings": settings}]}
    evaluate._fetch(Suite.model_validate(made, strict=False), Quiet())
    assert asked == ["all-minilm-l6-v2", "paraphrase-minilm-l3-v2", "presidio-evaluator"]
