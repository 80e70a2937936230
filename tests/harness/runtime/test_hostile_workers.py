"""A worker that a submission has taken over ends its own run with a reason, whatever it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from harness.errors import DefenseError
from harness.plugins.submission import Submission
from harness.protocol.channel import Channel
from harness.runtime.answers import read_finished, read_own
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.wire.log import LoggedFrame, WireLog
from harness.wire.message import Kind, Message, encode
from tests.stand_ins.hostile_workers import ANSWERS, DEATHS, RESULTS, hostile

Make = Callable[..., Submission]


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    limits = Limits(cpu_seconds=20.0, wall_seconds=60.0)
    with Runner(threads=1, limits=limits, fork_server=worker_server) as runner:
        yield runner


@pytest.mark.parametrize("case", [*ANSWERS, *DEATHS])
def test_what_is_no_answer_is_a_defense_error_with_a_reason(
    case: str, runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    statement, words = (ANSWERS | DEATHS)[case]
    with pytest.raises(DefenseError, match=words) as raised:
        runner.execute(toy_deployment, Execution(submission(hostile(statement))))
    reason = str(raised.value)
    assert reason.isprintable()
    assert len(reason) <= 2000


@pytest.mark.parametrize("case", RESULTS)
def test_a_result_of_another_form_is_a_defense_error(
    case: str, runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    body = f"""
    import json
    from harness.runtime.host import Host

    sound = Host.finish

    def answer(host):
        def with_(**fields):
            return {{"ok": True, "result": {{**sound(host), **fields}}}}
        return {RESULTS[case]}

    Host.finish = lambda host: answer(host).get("result", float("nan"))

    class Plugin(Defense):
        pass
    """
    with pytest.raises(DefenseError, match=r"worker|nested|ValueError|JSON"):
        runner.execute(toy_deployment, Execution(submission(body)))


def test_an_answer_that_drips_does_not_outlast_the_wall_limit(
    worker_server: ForkServer, toy_deployment: Deployment, submission: Make
) -> None:
    drips = hostile("import time\nwhile True:\n    time.sleep(0.2); here().sendall(bytes(1))")
    short = Runner(threads=1, limits=Limits(wall_seconds=2.0), fork_server=worker_server)
    with short, pytest.raises(DefenseError, match="wall limit of 2 s"):
        short.execute(toy_deployment, Execution(submission(drips)))


def test_messages_beyond_the_size_limit_of_a_run_end_it(worker_server: ForkServer, toy_deployment: Deployment) -> None:
    small = Runner(threads=1, limits=Limits(run_bytes=2000), fork_server=worker_server)
    with small, pytest.raises(DefenseError, match="at most"):
        small.execute(toy_deployment, Execution(None))


def test_a_worker_that_goes_on_sending_is_not_heard_for_ever() -> None:
    class Endless:
        peak_bytes = 0

        def step(self, party: str, frame: bytes | None) -> bytes | None:
            return encode(Message(Kind.TEXT, {"text": "more"}))

        def defend(
            self, party: str, batch: Mapping[str, object], blob: Sequence[memoryview]
        ) -> tuple[dict[str, object], memoryview]:
            return {}, memoryview(b"")

        def prepare(self, party: str, texts: Sequence[str], seed: int) -> list[str]:
            return []

        def finish(self) -> tuple[dict[str, object], bytes]:
            return {}, b""

        def close(self) -> None:
            pass

    channel = Channel(Endless(), ("a",), seconds=0.3)
    with pytest.raises(DefenseError, match=r"messages of 'a' did not end within 0\.3 s"):
        while channel.waiting:
            channel.answer("a", Message(Kind.TEXT, {"text": "and"}))


def test_predictions_that_are_not_finite_count_as_missing(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    body = """
    from harness.protocol.party import Party
    predict = Party.predict
    Party.predict = lambda me, record, value: predict(me, record, {**value, "nll": float("nan")})

    class Plugin(Defense):
        pass
    """
    predictions = runner.execute(toy_deployment, Execution(submission(body))).predictions
    assert {value["nll"] for value in predictions.values()} == {None}


def test_parties_keep_nothing_in_the_name_of_the_server() -> None:
    def log(*who: str) -> bytes:
        frame = encode(Message(Kind.CONTROL, {"means": 1}))
        return WireLog(LoggedFrame(name, name, frame) for name in who).to_bytes()

    assert len(read_own(log("a", "b"), ["a", "b"]).entries) == 2
    for names in (["server"], ["a", "a"], ["stranger"]):
        with pytest.raises(DefenseError, match="to itself"):
            read_own(log(*names), ["a", "b"])
    with pytest.raises(DefenseError, match="cannot be read"):
        read_own(b"\x05" + bytes(7) + b"[" * 5, ["a"])


def test_a_sound_result_is_read_as_it_is() -> None:
    entry = {"mechanism": "gaussian", "scale": 0.5, "party": "a"}
    result = {"predictions": {"a": {}}, "ledger": [entry], "flops": 5, "setup": {"seconds": 0, "flops": 1}}
    read = read_finished(result, ["a"])
    assert (read.flops, read.ledger[0].scale, read.setup.seconds) == (5, 0.5, 0.0)
