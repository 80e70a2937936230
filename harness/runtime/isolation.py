"""Starting private parties: in a worker process (``process``) or in this one (``none``, debugging only).

Both give the same three calls: ``step``, ``finish`` and ``close``. A sandbox is one more launcher. Anything
that goes wrong on the submission's side, including silence beyond the time limit, is a :class:`DefenseError`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from threading import Lock
from typing import Any, Protocol

from harness.errors import DefenseError, SuiteError
from harness.runtime.worker import read_frame, reason, write_frame

__all__ = ["InProcess", "Transport", "WorkerProcess", "Zygote", "launch"]


class Transport(Protocol):
    """The harness's handle on the private parties of one run."""

    peak_bytes: int
    """Peak resident memory, known after :meth:`close`; 0 where it cannot be told apart."""

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """See :meth:`harness.runtime.host.Host.step`."""

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """See :meth:`harness.runtime.host.Host.finish` and :meth:`harness.runtime.host.Host.own`."""

    def close(self) -> None:
        """End the parties; safe to call twice."""


class InProcess:
    """No isolation at all: for debugging a defense with breakpoints; never ranked."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        from harness.runtime.host import Host

        self.peak_bytes = 0
        self._host = self._guard(lambda: Host(spec))

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """Resume a party here and now."""
        out: bytes | None = self._guard(lambda: self._host.step(party, frame))
        return out

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """Predictions, ledger, counts; and what the parties kept."""
        return self._guard(self._host.finish), self._guard(self._host.own)

    def close(self) -> None:
        """Nothing to end."""

    @staticmethod
    def _guard(call: Any) -> Any:
        try:
            return call()
        except Exception as error:
            raise DefenseError(reason(error)) from error


class Zygote:
    """The fork server of one evaluation; started at once, ready when torch is imported there."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._control, theirs = socket.socketpair()
        command = [sys.executable, "-m", "harness.runtime.fork_server", str(theirs.fileno())]
        # Harness and worker compute in turns: threads that spin while they wait would take the other's core.
        quiet = {"TOKENIZERS_PARALLELISM": "false"}
        environment = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        theirs.close()

    def fork(self, tokenizers: Collection[str] = ()) -> tuple[int, socket.socket]:
        """A fresh worker, which has read the folders ``tokenizers``: its process id and the harness's end of its
        socket."""
        ours, theirs = socket.socketpair()
        request = json.dumps({"tokenizers": sorted(tokenizers)}).encode()
        with self._lock:
            socket.send_fds(self._control, [request], [theirs.fileno()])
            theirs.close()
            return int(self._ask()["pid"]), ours

    def wait(self, pid: int) -> dict[str, int]:
        """Exit status and peak memory in bytes of an ended worker."""
        with self._lock:
            self._control.send(json.dumps({"wait": pid}).encode())
            return self._ask()

    def _ask(self) -> dict[str, int]:
        data = self._control.recv(4096)
        if not data:
            raise SuiteError("the worker server ended unexpectedly; run `leakboard doctor` to check the environment")
        answer: dict[str, int] = json.loads(data)
        return answer

    def close(self) -> None:
        """End the server and every worker it still has."""
        self._control.close()
        self._process.wait()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WorkerProcess:
    """The private parties of one run in a process of their own; killed when they overstep ``time_limit`` seconds."""

    def __init__(self, zygote: Zygote, spec: Mapping[str, Any], time_limit: float) -> None:
        self.peak_bytes = 0
        self._zygote = zygote
        self._deadline = time.monotonic() + time_limit
        self._limit = time_limit
        tokenizers = {str(party["tokenizer"]) for party in spec["parties"].values() if party["tokenizer"]}
        self._pid, self._sock = zygote.fork(tokenizers)
        self._open = True
        try:
            self._ask({"do": "load", "spec": dict(spec)})
        except BaseException:
            self.close()
            raise

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """Resume a party in the worker."""
        return self._ask({"do": "step", "party": party}, frame)[1]

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
        try:
            self._sock.settimeout(max(0.001, self._deadline - time.monotonic()))
            write_frame(self._sock, head, blob)
            answer, out = read_frame(self._sock)
        except TimeoutError as error:
            self._kill()
            raise DefenseError(f"no answer within the time limit of {self._limit:g} s for one run") from error
        except (EOFError, ConnectionError, ValueError) as error:
            raise DefenseError(f"the worker process died ({self._death()})") from error
        if not answer["ok"]:
            raise DefenseError(answer["reason"])
        return answer, out

    def _death(self) -> str:
        if not self._open:
            return "killed"
        self._open = False
        self._sock.close()
        status = self._reap(kill_after=1.0)
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def _kill(self) -> None:
        self._open = False
        os.kill(self._pid, signal.SIGKILL)
        self._sock.close()
        self._reap(kill_after=0.0)

    def _reap(self, kill_after: float) -> int:
        until = time.monotonic() + kill_after
        while kill_after and time.monotonic() < until and _running(self._pid):
            time.sleep(0.002)
        if kill_after and _running(self._pid):
            os.kill(self._pid, signal.SIGKILL)
        account = self._zygote.wait(self._pid)
        self.peak_bytes = account["peak"]
        return account["status"]


def _running(pid: int) -> bool:
    """False once the process has ended (a zombie has)."""
    import psutil

    try:
        return str(psutil.Process(pid).status()) != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def launch(isolation: str, spec: Mapping[str, Any], zygote: Zygote | None, time_limit: float) -> Transport:
    """The transport for an isolation level; :class:`SuiteError` for an unknown one."""
    if isolation == "none":
        return InProcess(spec)
    if isolation == "process":
        if zygote is None:
            raise SuiteError("isolation 'process' needs a running worker server")
        return WorkerProcess(zygote, spec, time_limit)
    raise SuiteError(f"unknown isolation {isolation!r}; known: none, process")
