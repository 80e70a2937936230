"""A small fork server: imports torch once, then forks one fresh worker per request in milliseconds.

``python -m harness.runtime.fork_server FD``. A request is one datagram with the worker's socket attached and the public tokenizer
folders that the worker will read, which the server reads once for all its workers; the reply is the worker's process
id. A request without a socket asks for the exit of a worker: status and peak memory, as the operating system
accounted them. The server ends, and its workers with it, when the harness closes its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from typing import NoReturn

from harness.store.provenance import keep_memory

__all__ = ["serve"]


def serve(control: socket.socket) -> None:
    """Fork and account for workers until the control socket closes."""
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not data:
            break
        if fds:
            _read_ahead(json.loads(data)["tokenizers"])
            pid = os.fork()
            if pid == 0:
                _become_worker(control, fds[0])
            os.close(fds[0])
            children.add(pid)
            control.send(json.dumps({"pid": pid}).encode())
        else:
            pid = int(json.loads(data)["wait"])
            _, status, usage = os.wait4(pid, 0)
            children.discard(pid)
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            control.send(json.dumps({"status": os.waitstatus_to_exitcode(status), "peak": peak}).encode())
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _read_ahead(tokenizers: list[str]) -> None:
    """Reading a tokenizer takes a quarter of a second. One that cannot be read is the worker's to complain of."""
    from harness.models.tokens import load_tokens

    for folder in tokenizers:
        with contextlib.suppress(Exception):
            load_tokens(folder)


def _become_worker(control: socket.socket, fd: int) -> NoReturn:
    from harness.runtime import worker

    control.close()
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
    "harness.runtime.host",
    "harness.models",
    "harness.models.tokens",
    "safetensors.torch",
    "tokenizers",
    "torch.utils.flop_counter",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
)
"""What every worker needs; other model families are imported by the worker that meets one."""


def _preload() -> None:
    import importlib

    for name in _PRELOADED:
        importlib.import_module(name)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload()
    keep_memory()
    serve(socket.socket(fileno=int(sys.argv[1])))
