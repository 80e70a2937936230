"""A small fork server: imports torch once, then forks one fresh worker per request in milliseconds.

:class:`ForkServer` is the harness's end; ``python -m harness.runtime.fork_server FD`` the server's. A request is one
datagram with the worker's socket attached, the public tokenizer folders that the worker will read and the libraries
that it will import, which the server does once for all its workers, the worker's limit of CPU time, and in a sandbox
what it gives up (:mod:`harness.runtime.confinement`); the reply is the worker's process id. A request without a socket
asks for the exit of a worker: status, peak memory and CPU time, as the operating system accounted them; or whether it
still runs, or that it be killed, which only the server can do where process ids are its own. The server ends, and its
workers with it, when the harness closes its end.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

from harness.errors import SuiteError
from harness.util.process import keep_memory

__all__ = ["CPU_GRACE", "ForkServer", "WorkerAccount", "serve", "tokenizers_of"]

CPU_GRACE = 2
"""Seconds of CPU time between the signal that a submission could catch and the one that it cannot."""
_SKIPPED = 5000
_REQUEST = 65536
"""Bytes of a request to the server."""


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
    scratch: Path | None = None
    """Folder in which the files of a run must lie so that its workers can read them; None: any."""
    sandbox = ""
    """Level of the sandbox that workers are in; empty: none."""

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
        command, environment = self._command(self._theirs.fileno())
        self._process = subprocess.Popen(command, pass_fds=[self._theirs.fileno()], env=environment)
        self._theirs.close()

    def _command(self, descriptor: int) -> tuple[list[str], dict[str, str]]:
        """Command line of the server's end, and its environment."""
        # Harness and worker compute in turns: threads that spin while they wait would take the other's core.
        quiet = {"TOKENIZERS_PARALLELISM": "false"}
        environment = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        return [sys.executable, "-m", self.module, str(descriptor)], environment

    def worker_for(self, spec: Mapping[str, Any], cpu_limit: int, memory: int) -> tuple[int, socket.socket]:
        """A fresh worker for a run, by its description (:mod:`harness.runtime.worker_spec`), which it is yet to get.

        ``memory``: bytes of address space that a worker in a sandbox may take.
        """
        return self.fork(tokenizers_of(spec), cpu_limit, spec["imports"])

    def fork(
        self,
        tokenizers: Collection[str] = (),
        cpu_limit: int = 0,
        imports: Collection[str] = (),
        confinement: Mapping[str, Any] | None = None,
    ) -> tuple[int, socket.socket]:
        """A fresh worker: its process id and the harness's end of its socket.

        Args:
            tokenizers: folders that the server reads ahead for the worker.
            cpu_limit: seconds of CPU time after which the operating system ends the worker; 0: no limit.
            imports: modules that the server imports ahead for it and for all later ones.
            confinement: what it gives up, as JSON of :class:`harness.runtime.confinement.Confinement`.
        """
        ours, theirs = socket.socketpair()
        wanted = {"tokenizers": sorted(tokenizers), "cpu_limit": cpu_limit, "imports": sorted(imports)}
        request = json.dumps({**wanted, "confinement": confinement}).encode()
        if len(request) > _REQUEST:
            raise SuiteError(f"a worker with {len(request)} bytes of paths; at most {_REQUEST} can be asked for")
        with self._lock:
            self._start()
            socket.send_fds(self._control, [request], [theirs.fileno()])
            theirs.close()
            return int(self._ask()["pid"]), ours

    def running(self, pid: int) -> bool:
        """False once a worker has ended (a zombie has)."""
        import psutil

        try:
            return str(psutil.Process(pid).status()) != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self, pid: int) -> None:
        """End a worker; what it was, :meth:`wait` still tells."""
        os.kill(pid, signal.SIGKILL)

    def wait(self, pid: int) -> WorkerAccount:
        """Wait for a worker to end; returns what the operating system accounted to it."""
        return WorkerAccount(**self._request({"wait": pid}))

    def _request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._control.send(json.dumps(request).encode())
            return self._ask()

    def _ask(self) -> dict[str, Any]:
        try:
            data = self._control.recv(4096)
        except ConnectionError:
            data = b""
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


def serve(control: socket.socket, readable: Collection[str] = ()) -> None:
    """Fork and account for workers until the control socket closes.

    ``readable``: files and folders that every confined worker may read.
    """
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(control, _REQUEST, 1)
        if not data:
            break
        if fds:
            request = json.loads(data)
            _import_ahead(request["imports"])
            _read_ahead(request["tokenizers"])
            pid = os.fork()
            if pid == 0:
                _become_worker(control, fds[0], request["cpu_limit"], request["confinement"], readable)
            os.close(fds[0])
            children.add(pid)
            answer: dict[str, Any] = {"pid": pid}
        else:
            ((wish, pid),) = json.loads(data).items()
            if wish == "kill":
                os.kill(pid, signal.SIGKILL)
                answer = {}
            elif wish == "running":
                ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                answer = {"running": ended is None}
            else:
                answer = asdict(_account(pid))
                children.discard(pid)
        control.send(json.dumps(answer).encode())
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _account(pid: int) -> WorkerAccount:
    _, status, usage = os.wait4(pid, 0)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return WorkerAccount(os.waitstatus_to_exitcode(status), peak, usage.ru_utime + usage.ru_stime)


def tokenizers_of(spec: Mapping[str, Any]) -> set[str]:
    """Tokenizer folders that a description of a run names."""
    return {str(party["tokenizer"]) for party in spec["parties"].values() if party["tokenizer"]}


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


def _become_worker(
    control: socket.socket, fd: int, cpu_limit: int, confinement: Mapping[str, Any] | None, readable: Collection[str]
) -> NoReturn:
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
        if confinement is not None:
            from harness.runtime.confinement import Confinement, confine

            confine(Confinement.of(confinement), fd, readable)
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


def _skip_process_ids() -> None:
    """Use up a random number of process ids: where they count from 1 they would tell a worker how many were before."""
    from threading import Thread

    for _ in range(secrets.randbelow(_SKIPPED)):
        thread = Thread(target=int)
        thread.start()
        thread.join()


def _preload() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload()
    keep_memory()
    common = ()
    if len(sys.argv) > 2:  # in a sandbox
        common = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
        _skip_process_ids()
    serve(socket.socket(fileno=int(sys.argv[1])), common)
