"""A worker process seen from the harness: requests over a socket, limits, and what the worker used."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DefenseError
from harness.runtime.fork_server import ForkServer, WorkerAccount
from harness.runtime.frames import Blob, FrameError, read_answer, write_frame
from harness.util.untrusted import one_line

__all__ = ["Limits", "WorkerProcess"]


@dataclass(frozen=True)
class Limits:
    """The most that one run may take before its worker is killed.

    CPU time is what counts: how long a run takes beside other work on a busy machine says nothing about a
    submission. The wall limit is wide and ends workers that wait or sleep for ever.
    """

    cpu_seconds: float = 600.0
    """CPU time of the worker, all its threads together; rounded up to whole seconds."""
    wall_seconds: float = 3600.0
    """Time that the harness spends waiting for the worker, over the whole run."""
    frame_bytes: int = 2**29
    """Bytes of one message."""
    run_bytes: int = 2**32
    """Bytes of all messages of a run: the harness keeps them in memory."""
    memory_bytes: int = 2**33
    """Address space of a worker in a sandbox, the libraries' included."""
    flops_ratio: float = 1.5
    """Operations of a live run in a sandbox, over those of the undefended one."""


class WorkerProcess:
    """The private parties of one run in a process of their own; killed when they overstep a limit."""

    def __init__(self, fork_server: ForkServer, spec: Mapping[str, Any], limits: Limits) -> None:
        self.peak_bytes = 0
        self._fork_server = fork_server
        self._limits = limits
        self._waited = 0.0
        self._received = 0
        self._cpu_limit = math.ceil(limits.cpu_seconds)
        self._pid, self._sock = fork_server.worker_for(spec, self._cpu_limit, limits.memory_bytes)
        self._open = True
        try:
            self._ask({"do": "load", "spec": dict(spec)})
        except BaseException:
            self.close()
            raise

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """Resume a party in the worker."""
        out = self._ask({"do": "step", "party": party}, frame)[1]
        return None if out is None else bytes(out)

    def defend(self, party: str, batch: Mapping[str, Any], blob: Blob) -> tuple[dict[str, Any], memoryview]:
        """An attacker's own messages through a party's defense in the worker."""
        answer, sent = self._ask({"do": "defend", "party": party, "batch": dict(batch)}, blob)
        if not isinstance(answer.get("batch"), dict):
            raise DefenseError(self._end("the worker's answer to messages of an attacker holds none"))
        return answer["batch"], sent or memoryview(b"")

    def prepare(self, party: str, texts: Sequence[str], seed: int) -> list[str]:
        """An attacker's own texts as a party's defense rewrites them in the worker."""
        head = {"do": "prepare", "party": party, "texts": list(texts), "seed": seed}
        prepared = self._ask(head)[0].get("texts")
        if not isinstance(prepared, list) or len(prepared) != len(texts):
            raise DefenseError(self._end("the worker's answer to texts of an attacker holds not as many"))
        return [str(text) for text in prepared]

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """Predictions, ledger, counts; and what the parties kept."""
        answer, own = self._ask({"do": "finish"})
        if "result" not in answer:
            raise DefenseError(self._end("the worker's last answer holds no result"))
        return answer["result"], bytes(own or b"")

    def close(self) -> None:
        """End the worker and take its peak memory from the operating system."""
        if not self._open:
            return
        self._open = False
        self._sock.close()
        self._reap(kill_after=5.0)

    def _ask(self, head: dict[str, Any], blob: Blob | None = None) -> tuple[dict[str, Any], memoryview | None]:
        if not self._open:
            raise DefenseError("the worker process has ended")
        started = time.monotonic()
        deadline = started + max(0.001, self._limits.wall_seconds - self._waited)
        most = min(self._limits.frame_bytes, self._limits.run_bytes - self._received)
        try:
            self._sock.settimeout(deadline - started)
            write_frame(self._sock, head, blob)
            answer, out = read_answer(self._sock, deadline, most)
        except TimeoutError as error:
            wall = self._limits.wall_seconds
            late = f"no answer within the wall limit of {wall:g} s of waiting for one run"
            raise DefenseError(self._end(late)) from error
        except FrameError as error:
            raise DefenseError(self._end(f"the worker sent {error}")) from error
        except (EOFError, OSError) as error:
            raise DefenseError(self._death()) from error
        self._waited += time.monotonic() - started
        self._received += len(out or b"")
        if answer.get("ok") is not True:
            raise DefenseError(one_line(answer.get("reason", "the worker sent an answer of an unknown form")))
        return answer, out

    def _death(self) -> str:
        if not self._open:
            return "the worker process died (killed)"
        self._open = False
        self._sock.close()
        account = self._reap(kill_after=1.0)
        # The system ends a worker by a finer clock than it accounts by: the account may be just below the limit.
        if account.status == -signal.SIGXCPU or (account.status < 0 and account.cpu >= self._cpu_limit):
            return f"the worker used more than the limit of {self._limits.cpu_seconds:g} s of CPU time for one run"
        if account.status < 0:
            return f"the worker process died or closed its connection ({_signal(-account.status)})"
        return f"the worker process died (exit status {account.status})"

    def _end(self, reason: str) -> str:
        """Kill the worker; nothing that it still says is wanted. Returns the reason as one line."""
        if self._open:
            self._kill()
        return one_line(reason)

    def _kill(self) -> None:
        self._open = False
        self._fork_server.kill(self._pid)
        self._sock.close()
        self._reap(kill_after=0.0)

    def _reap(self, kill_after: float) -> WorkerAccount:
        until = time.monotonic() + kill_after
        while kill_after and time.monotonic() < until and self._fork_server.running(self._pid):
            time.sleep(0.002)
        if kill_after and self._fork_server.running(self._pid):
            self._fork_server.kill(self._pid)
        account = self._fork_server.wait(self._pid)
        self.peak_bytes = account.peak
        return account


def _signal(number: int) -> str:
    """The name of a signal; those for real time have none."""
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
