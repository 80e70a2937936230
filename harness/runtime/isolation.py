"""Starting private parties: in a confined worker (``sandbox``), a plain one (``process``) or here (``none``).

All give the same three calls: ``step``, ``finish`` and ``close``. ``none`` is for debugging only. Anything that goes
wrong on the submission's side, including silence beyond a limit, is a :class:`DefenseError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import DefenseError, SuiteError
from harness.protocol.transport import Transport
from harness.runtime.fork_server import ForkServer
from harness.runtime.frames import Blob
from harness.runtime.worker import reason
from harness.runtime.worker_process import Limits, WorkerProcess

__all__ = ["InProcess", "launch"]


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

    def defend(self, party: str, batch: Mapping[str, Any], blob: Blob) -> tuple[dict[str, Any], memoryview]:
        """An attacker's own messages through a party's defense."""
        whole = bytearray().join([blob] if isinstance(blob, bytes | memoryview) else blob)
        answer, sent = self._guard(lambda: self._host.defend(party, batch, memoryview(whole)))
        return answer, memoryview(bytearray().join(sent))

    def prepare(self, party: str, texts: Sequence[str], seed: int) -> list[str]:
        """An attacker's own texts as a party's defense rewrites them."""
        prepared: list[str] = self._guard(lambda: self._host.prepare(party, texts, seed))
        return prepared

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """Predictions, ledger, counts; and what the parties kept."""
        # As JSON, so that both levels of isolation give the same.
        result = self._guard(lambda: json.loads(json.dumps(self._host.finish(), allow_nan=False)))
        return result, self._guard(self._host.own)

    def close(self) -> None:
        """Nothing to end."""

    @staticmethod
    def _guard(call: Any) -> Any:
        try:
            return call()
        except (Exception, SystemExit) as error:
            raise DefenseError(reason(error)) from error


def launch(isolation: str, spec: Mapping[str, Any], fork_server: ForkServer | None, limits: Limits) -> Transport:
    """The transport for an isolation level; :class:`SuiteError` for an unknown one."""
    if isolation == "none":
        return InProcess(spec)
    if isolation not in ("process", "sandbox"):
        raise SuiteError(f"unknown isolation {isolation!r}; known: none, process, sandbox")
    if fork_server is None or (isolation == "sandbox") != bool(fork_server.sandbox):
        raise SuiteError(f"isolation {isolation!r} needs a running worker server of its kind")
    return WorkerProcess(fork_server, spec, limits)
