"""Executing a protocol for real on a tiny model: isolation, determinism, costs, and submissions that misbehave."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from harness.errors import DefenseError
from harness.models import load_part
from harness.plugins.submission import Submission, load_submission
from harness.protocol.channel import unpair
from harness.protocol.net import SERVER
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits, WorkerProcess
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.wire.facts import SplitFacts
from harness.wire.log import WireLog
from harness.wire.message import Kind
from scenarios.split_llm.build import PARTY

Make = Callable[..., Submission]
NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=5.0, scale=0.1))
"""


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=20.0), fork_server=worker_server) as runner:
        yield runner


def frames(outcome: Outcome) -> list[bytes]:
    return [entry.frame for entry in outcome.log.entries]


def test_process_and_none_send_the_same_bytes(runner: Runner, toy_deployment: Deployment, submission: Make) -> None:
    task = Execution(submission(NOISE), noise=("point", 0))
    with Runner(isolation="none", threads=1) as direct:
        inside = direct.execute(toy_deployment, task)
    outside = runner.execute(toy_deployment, task)
    assert frames(inside) == frames(outside)
    assert inside.predictions == outside.predictions
    assert inside.ledger == outside.ledger
    assert outside.costs.private_peak_bytes > 50 * 2**20


def test_noise_depends_on_the_noise_axes_alone(runner: Runner, toy_deployment: Deployment, submission: Make) -> None:
    plugin = submission(NOISE)
    one, same, other = (runner.execute(toy_deployment, Execution(plugin, noise=n)) for n in [(1,), (1,), (2,)])
    assert frames(one) == frames(same) != frames(other)


def test_every_forward_goes_through_the_defense_and_each_position_is_sent_once(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    zeros = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=torch.zeros_like(message["hidden"]))
    """)
    plain, silent = runner.execute(toy_deployment, Execution(None)), runner.execute(toy_deployment, Execution(zeros))
    up = [e.message() for e in silent.log.entries if e.receiver == SERVER]
    assert all(m.kind is Kind.HIDDEN and not m["hidden"].any() for m in up)
    steps = {m.step: len(m["hidden"]) for m in up if m.session == 0}
    assert sorted(steps) == [0, 1, 2]
    assert steps[1] == steps[2] == 1
    first = next(e.message() for e in plain.log.entries)
    assert len(first["hidden"]) == steps[0]


def test_split_protocol_predicts_what_the_whole_model_does(runner: Runner, toy_deployment: Deployment) -> None:
    outcome = runner.execute(toy_deployment, Execution(None))
    plan = toy_deployment.parties[PARTY]
    whole = load_part(toy_deployment.public.need(SplitFacts).model, 0, None, head=True)
    from harness.models.tokens import load_tokens, tokenizer_folder
    from scenarios.split_llm.client import prompt

    tokens = load_tokens(tokenizer_folder(toy_deployment.public.need(SplitFacts).model))
    for item in plan.items:
        ids = prompt(tokens.encode(item.text), dict(plan.settings))
        with torch.no_grad():
            for chosen in outcome.predictions[item.id]["choices"][-3:]:
                assert int(whole(torch.tensor([ids]))[0, -1].argmax()) == chosen
                ids = [*ids, chosen]


def test_costs_are_what_crossed_the_wire(runner: Runner, toy_deployment: Deployment) -> None:
    outcome = runner.execute(toy_deployment, Execution(None))
    up = [e for e in outcome.log.entries if e.receiver == SERVER]
    assert outcome.costs.bytes_up == sum(len(e.frame) for e in up)
    assert outcome.costs.messages_up == outcome.costs.round_trips == len(up) == outcome.costs.messages_down
    plan = toy_deployment.parties[PARTY]
    head, tail, lm_head = (load_part(p.model, p.start, p.stop, head=p.head) for p in plan.parts.values())
    flops = 0
    for session in range(len(plan.items)):
        past = 0
        for entry in (e.message() for e in up):
            if entry.session == session:
                new = len(entry["hidden"])
                flops += head.flops(new, past) + tail.flops(new, past) + lm_head.flops(1)
                past += new
    assert outcome.costs.private_flops == flops


def test_solo_replay_emits_identical_bytes(
    runner: Runner, toy_deployment: Deployment, submission: Make, tmp_path: Path
) -> None:
    task = Execution(submission(NOISE), noise=("point", 0))
    log = runner.execute(toy_deployment, task).log
    assert runner.fork_server is not None
    worker = WorkerProcess(runner.fork_server, worker_spec(toy_deployment, task, 1, scratch=tmp_path), Limits())
    inbox: list[bytes | None] = [None, *log.inbox(PARTY)]
    replayed = [worker.step(PARTY, frame) for frame in inbox]
    worker.close()
    assert [unpair(out)[0] for out in replayed if out is not None] == log.outbox(PARTY)


def test_wire_log_survives_its_byte_form(runner: Runner, toy_deployment: Deployment) -> None:
    log = runner.execute(toy_deployment, Execution(None)).log
    again = WireLog.from_bytes(log.to_bytes())
    assert again.entries == log.entries


def test_knockout_answers_from_other_inputs(runner: Runner, toy_deployment: Deployment, submission: Make) -> None:
    honest = runner.execute(toy_deployment, Execution(None))
    swapped = runner.execute(toy_deployment, Execution(None, behaviour="knockout"))
    assert honest.log.outbox(PARTY)[0] == swapped.log.outbox(PARTY)[0]
    assert all(a != b for a, b in zip(honest.log.inbox(PARTY)[:1], swapped.log.inbox(PARTY)[:1], strict=True))


BAD = {
    "crash in send": ("def send(self, message): return 1 / 0", r"ZeroDivisionError.*defense\.py:\d+ in send"),
    "crash in setup": ("def setup(self, records, public): raise KeyError('table')", "KeyError.*setup"),
    "not a number": ("def send(self, m): return m.replace(hidden=m['hidden'] * float('nan'))", "NaN"),
    "wrong shape": ("def send(self, m): return m.replace(hidden=m['hidden'][:, :-1])", "shape"),
    "wrong dtype": ("def send(self, m): return m.replace(hidden=m['hidden'].long())", "dtype"),
    "returns nothing": ("def send(self, m): pass", "NoneType"),
    "drops an input": ("def prepare(self, records, settings): return records[1:]", "one Item per record"),
    "exits": ("def send(self, m): raise SystemExit(3)", "SystemExit"),
    "dies": ("def send(self, m):\n        import os; os._exit(7)", "exit status 7"),
    "is killed": ("def send(self, m):\n        import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
}


@pytest.mark.parametrize("case", BAD)
def test_misbehaviour_is_a_readable_error(
    case: str, runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    body, words = BAD[case]
    with pytest.raises(DefenseError, match=words):
        runner.execute(toy_deployment, Execution(submission(f"class Plugin(Defense):\n    {body}\n")))
    assert frames(runner.execute(toy_deployment, Execution(None)))  # other runs go on


@pytest.mark.parametrize(
    ("body", "limits", "words"),
    [
        ("while True: pass", Limits(cpu_seconds=2.0), "limit of 2 s of CPU time"),
        (
            "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n while True: pass",
            Limits(cpu_seconds=2.0),
            "limit of 2 s of CPU",
        ),
        ("import time; time.sleep(600)", Limits(wall_seconds=1.0), "wall limit of 1 s"),
    ],
)
def test_work_and_silence_beyond_a_limit_are_errors(
    body: str, limits: Limits, words: str, worker_server: ForkServer, toy_deployment: Deployment, submission: Make
) -> None:
    lines = "\n".join(f"        {line}" for line in body.split("\n "))
    hangs = submission(f"class Plugin(Defense):\n    def send(self, message):\n{lines}\n")
    short = Runner(threads=1, limits=limits, fork_server=worker_server)
    with short, pytest.raises(DefenseError, match=words):
        short.execute(toy_deployment, Execution(hangs))


def test_what_a_submission_prints_goes_nowhere(
    runner: Runner, toy_deployment: Deployment, submission: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = submission("""
    class Plugin(Defense):
        def send(self, message):
            print('{"ok": true}', flush=True)
            return message
    """)
    runner.execute(toy_deployment, Execution(loud))
    assert capfd.readouterr().out == ""


def test_a_worker_gets_the_hashed_files_in_a_folder_of_its_own(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    looks = submission("""
    from pathlib import Path
    from harness.protocol.party import Party

    HERE = Path(__file__).parent
    INSIDE = [p for p in HERE.rglob("*") if p.is_file() and "__pycache__" not in str(p)]
    FILES = sorted(p.relative_to(HERE).as_posix() for p in INSIDE)
    predict = Party.predict
    Party.predict = lambda me, record, value: predict(me, record, {**value, "here": str(HERE), "files": FILES})

    class Plugin(Defense):
        pass
    """)
    for name in (".hidden", "notes.md", "README.md", "table/words.txt", "__pycache__/defense.cpython-311.pyc"):
        (looks.folder / name).parent.mkdir(exist_ok=True)
        (looks.folder / name).write_bytes(b"\xff")
    with pytest.raises(DefenseError, match="have changed since"):
        runner.execute(toy_deployment, Execution(looks))
    looks = load_submission(looks.folder)
    seen = [next(iter(runner.execute(toy_deployment, Execution(looks)).predictions.values())) for _ in range(2)]
    assert seen[0]["files"] == [".hidden", "defense.py", "notes.md", "table/words.txt"]
    assert seen[0]["here"] != seen[1]["here"]
    for other in ("plugin", str(looks.folder)):
        assert other not in seen[0]["here"]


def test_labels_and_annotations_never_reach_the_worker(toy_deployment: Deployment) -> None:
    spec = worker_spec(toy_deployment, Execution(None), 1)
    for item in spec["parties"][PARTY]["items"]:
        assert set(item) == {"id", "text"}
    assert json.loads(json.dumps(spec)) == spec
    assert all(os.path.isdir(folder) for folder in spec["parties"][PARTY]["parts"].values())
