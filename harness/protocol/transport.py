"""The interface between the harness and the private parties of one run: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Transport"]


class Transport(Protocol):
    """The harness's handle on the private parties of one run."""

    peak_bytes: int
    """Peak resident memory, known after :meth:`close`; 0 where it cannot be measured apart."""

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        """See :meth:`harness.runtime.host.Host.step`."""

    def defend(
        self, party: str, batch: Mapping[str, Any], blob: Sequence[memoryview]
    ) -> tuple[dict[str, Any], memoryview]:
        """See :meth:`harness.runtime.host.Host.defend`."""

    def prepare(self, party: str, texts: Sequence[str], seed: int) -> list[str]:
        """See :meth:`harness.runtime.host.Host.prepare`."""

    def finish(self) -> tuple[dict[str, Any], bytes]:
        """See :meth:`harness.runtime.host.Host.finish` and :meth:`harness.runtime.host.Host.own`."""

    def close(self) -> None:
        """End the parties; safe to call twice."""
