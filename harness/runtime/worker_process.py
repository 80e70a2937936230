"""A worker process seen from the harness: requests over a socket, limits, and what the worker used."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DefenseError
from harness.runtime.fork_server import ForkServer, WorkerAccount
from harness.runtime.frames import read_frame, write_frame

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


class WorkerProcess:
    """The private parties of one run in a process of their own; killed when they overstep a limit."""

    def __init__(self, fork_server: ForkServer, spec: Mapping[str, Any], limits: Limits) -> None:
        self.peak_bytes = 0
        self._fork_server = fork_server
        self._limits = limits
        self._waited = 0.0
        self._cpu_limit = math.ceil(limits.cpu_seconds)
        tokenizers = {str(party["tokenizer"]) for party in spec["parties"].values() if party["tokenizer"]}
        self._pid, self._sock = fork_server.fork(tokenizers, self._cpu_limit)
        self._open = True
        try:
            self._ask({"do": "load", "spec": dict(spec)})
        except BaseException:
            self.close()
            raise

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """Resume a party in the worker."""
        return self._ask({"do": "step", "party": party}, frame)[1]

    def defend(self, party: str, batch: Mapping[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
        """An attacker's own messages through a party's defense in the worker."""
        answer, sent = self._ask({"do": "defend", "party": party, "batch": dict(batch)}, blob)
        return answer["batch"], sent or b""

    def prepare(self, party: str, texts: Sequence[str], seed: Sequence[str | int]) -> list[str]:
        """An attacker's own texts as a party's defense rewrites them in the worker."""
        head = {"do": "prepare", "party": party, "texts": list(texts), "seed": list(seed)}
        return [str(text) for text in self._ask(head)[0]["texts"]]

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """Predictions, ledger, counts; and what the parties kept."""
        answer, own = self._ask({"do": "finish"})
        return answer["result"], own or b""

    def close(self) -> None:
        """End the worker and take its peak memory from the operating system."""
        if not self._open:
            return
        self._open = False
        self._sock.close()
        self._reap(kill_after=5.0)

    def _ask(self, head: dict[str, Any], blob: bytes | None = None) -> tuple[dict[str, Any], bytes | None]:
        started = time.monotonic()
        try:
            self._sock.settimeout(max(0.001, self._limits.wall_seconds - self._waited))
            write_frame(self._sock, head, blob)
            answer, out = read_frame(self._sock)
        except TimeoutError as error:
            self._kill()
            wall = self._limits.wall_seconds
            raise DefenseError(f"no answer within the wall limit of {wall:g} s of waiting for one run") from error
        except (EOFError, ConnectionError, ValueError) as error:
            raise DefenseError(self._death()) from error
        self._waited += time.monotonic() - started
        if not answer["ok"]:
            raise DefenseError(answer["reason"])
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
            return f"the worker process died (signal {signal.Signals(-account.status).name})"
        return f"the worker process died (exit status {account.status})"

    def _kill(self) -> None:
        self._open = False
        os.kill(self._pid, signal.SIGKILL)
        self._sock.close()
        self._reap(kill_after=0.0)

    def _reap(self, kill_after: float) -> WorkerAccount:
        until = time.monotonic() + kill_after
        while kill_after and time.monotonic() < until and _running(self._pid):
            time.sleep(0.002)
        if kill_after and _running(self._pid):
            os.kill(self._pid, signal.SIGKILL)
        account = self._fork_server.wait(self._pid)
        self.peak_bytes = account.peak
        return account


def _running(pid: int) -> bool:
    """False once the process has ended (a zombie has)."""
    import psutil

    try:
        return str(psutil.Process(pid).status()) != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
