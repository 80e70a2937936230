"""Private parties in worker processes, and one execution of a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.runtime.execution import Execution, Outcome
    from harness.runtime.isolation import launch
    from harness.runtime.runner import Runner
    from harness.runtime.worker_process import Limits

__all__ = ["Execution", "Limits", "Outcome", "Runner", "launch"]

_ROOMS = {
    "harness.runtime.execution": "Execution Outcome",
    "harness.runtime.isolation": "launch",
    "harness.runtime.runner": "Runner",
    "harness.runtime.worker_process": "Limits",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
