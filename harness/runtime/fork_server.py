"""A small fork server: imports torch once, then forks one fresh worker per request in milliseconds.

:class:`ForkServer` is the harness's end; ``python -m harness.runtime.fork_server FD`` the server's. A request is one
datagram with the worker's socket attached, the public tokenizer folders that the worker will read and the libraries
that it will import, which the server does once for all its workers, and the worker's limit of CPU time; the reply is
the worker's process id. A request without a socket asks for the exit of a worker: status, peak memory and CPU time, as
the operating system accounted them. The server ends, and its workers with it, when the harness closes its end.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, NoReturn

from harness.errors import SuiteError
from harness.util.process import keep_memory

__all__ = ["CPU_GRACE", "ForkServer", "WorkerAccount", "serve"]

CPU_GRACE = 2
"""Seconds of CPU time between the signal that a submission could catch and the one that it cannot."""


@dataclass(frozen=True)
class WorkerAccount:
    """Exit status of a worker, its peak resident memory in bytes, and its CPU time in seconds."""

    status: int
    peak: int
    cpu: float


class ForkServer:
    """The fork server of one evaluation; started when it is first needed, ready when torch is imported there."""

    module = "harness.runtime.fork_server"
    """The module that is run as the server's end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._control, self._theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server unless it runs; a worker that is asked for starts it, too."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._process is not None:
            return
        command = [sys.executable, "-m", self.module, str(self._theirs.fileno())]
        # Harness and worker compute in turns: threads that spin while they wait would take the other's core.
        quiet = {"TOKENIZERS_PARALLELISM": "false"}
        environment = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(command, pass_fds=[self._theirs.fileno()], env=environment)
        self._theirs.close()

    def fork(
        self, tokenizers: Collection[str] = (), cpu_limit: int = 0, imports: Collection[str] = ()
    ) -> tuple[int, socket.socket]:
        """A fresh worker: its process id and the harness's end of its socket.

        Args:
            tokenizers: folders that the server reads ahead for the worker.
            cpu_limit: seconds of CPU time after which the operating system ends the worker; 0: no limit.
            imports: modules that the server imports ahead for it and for all later ones.
        """
        ours, theirs = socket.socketpair()
        request = json.dumps(
            {"tokenizers": sorted(tokenizers), "cpu_limit": cpu_limit, "imports": sorted(imports)}
        ).encode()
        with self._lock:
            self._start()
            socket.send_fds(self._control, [request], [theirs.fileno()])
            theirs.close()
            return int(self._ask()["pid"]), ours

    def wait(self, pid: int) -> WorkerAccount:
        """Wait for a worker to end; returns what the operating system accounted to it."""
        with self._lock:
            self._control.send(json.dumps({"wait": pid}).encode())
            return WorkerAccount(**self._ask())

    def _ask(self) -> dict[str, Any]:
        data = self._control.recv(4096)
        if not data:
            raise SuiteError("the worker server ended unexpectedly; run `leakboard doctor` to check the environment")
        answer: dict[str, Any] = json.loads(data)
        return answer

    def close(self) -> None:
        """End the server and every worker it still has."""
        self._control.close()
        self._theirs.close()
        if self._process is not None:
            self._process.wait()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(control: socket.socket) -> None:
    """Fork and account for workers until the control socket closes."""
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not data:
            break
        if fds:
            request = json.loads(data)
            _import_ahead(request["imports"])
            _read_ahead(request["tokenizers"])
            pid = os.fork()
            if pid == 0:
                _become_worker(control, fds[0], request["cpu_limit"])
            os.close(fds[0])
            children.add(pid)
            control.send(json.dumps({"pid": pid}).encode())
        else:
            pid = int(json.loads(data)["wait"])
            _, status, usage = os.wait4(pid, 0)
            children.discard(pid)
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            cpu = usage.ru_utime + usage.ru_stime
            account = WorkerAccount(os.waitstatus_to_exitcode(status), peak, cpu)
            control.send(json.dumps(asdict(account)).encode())
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _read_ahead(tokenizers: list[str]) -> None:
    """Reading a tokenizer takes a quarter of a second. One that cannot be read is the worker's to complain of."""
    from harness.models.tokens import load_tokens

    for folder in tokenizers:
        with contextlib.suppress(Exception):
            load_tokens(folder)


def _import_ahead(modules: list[str]) -> None:
    """Import modules; what cannot be imported is the worker's to complain of."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if "peft" in modules:
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        # A table that every injection of adapters asks for, and that is made by the first one.
        get_checkpoint_conversion_mapping("llama")


def _become_worker(control: socket.socket, fd: int, cpu_limit: int) -> NoReturn:
    from harness.runtime import worker

    control.close()
    if cpu_limit:
        # The soft limit can be caught by a submission, the hard one cannot.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, cpu_limit + CPU_GRACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    code = 1
    try:
        worker.serve(socket.socket(fileno=fd))
        code = 0
    finally:
        os._exit(code)


_PRELOADED = (
    "harness.assets.cache",
    "harness.models.split",
    "harness.models.tokens",
    "harness.runtime.host",
    "safetensors.torch",
    "tokenizers",
    "torch.utils.flop_counter",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
)
"""What every worker needs; other model families are imported by the worker that meets one."""


def _preload() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload()
    keep_memory()
    serve(socket.socket(fileno=int(sys.argv[1])))
