"""A fork server for a whole session of tests.

It outlives the runners that use it, since starting one takes four seconds of a core, and has imported beforehand what
workers of the scenarios import when they fit heads and adapters, which takes each of them as long again as its run.

``python -m tests.stand_ins.warm_fork_server FD`` is the server's end.
"""

from __future__ import annotations

import importlib
import runpy

from harness.runtime.fork_server import ForkServer
from harness.runtime.sandbox import SandboxServer

__all__ = ["WarmForkServer", "WarmSandbox"]

_FURTHER = ("peft", "sklearn.linear_model", "torch.profiler")
"""What workers import beyond :mod:`harness.runtime.fork_server`'s own list."""


class WarmForkServer(ForkServer):
    """The tests' end; runners that close it leave it open."""

    module = __name__

    def close(self) -> None:
        """Go on; :meth:`end` ends it."""

    def end(self) -> None:
        """End the server and every worker it still has."""
        super().close()


class WarmSandbox(SandboxServer):
    """The same for a sandbox, which has no further imports: the tests are not in it."""

    def close(self) -> None:
        """Go on; :meth:`end` ends it."""

    def end(self) -> None:
        """End the server and every worker it still has."""
        super().close()


if __name__ == "__main__":
    for name in _FURTHER:
        importlib.import_module(name)
    runpy.run_module("harness.runtime.fork_server", run_name="__main__")
