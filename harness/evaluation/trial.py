"""Parts that the contract checks of attacks and scenarios share: their limits, a noisy submission, a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.plugins import registry
from harness.plugins.submission import Submission, load_submission
from harness.runtime.worker_process import Limits
from harness.scenario.plugin import Scenario

__all__ = ["LIMITS", "Checked", "loaded_scenarios", "noisy_submission"]

LIMITS = Limits(cpu_seconds=25.0, wall_seconds=300.0)
"""Runs of the checks are tiny."""

_MANIFEST = """
name = "noise"
title = "Noise of the contract check"
summary = "A little Gaussian noise on every tensor."
authors = ["leakboard"]
licence = "Apache-2.0"
class = "defense:Noise"
source = "none"
scenarios = ["*"]

[[points]]
label = "only"
"""

_DEFENSE = '''"""A little Gaussian noise on every tensor of floating point."""

from harness import Defense


class Noise(Defense):
    def send(self, message):
        tensors = {name: tensor for name, tensor in message.tensors().items() if tensor.is_floating_point()}
        return message.replace(**{name: self.me.gaussian(x, clip=None, scale=0.01) for name, x in tensors.items()})
'''


@dataclass(frozen=True)
class Checked:
    """Outcome of a contract check; the contract is kept where there are no problems."""

    problems: tuple[str, ...]
    """A sentence for each problem: where it is, what is wrong, what to do."""
    notes: tuple[str, ...] = ()
    """What was tried, and what could not be."""


def noisy_submission(folder: Path) -> Submission:
    """A defense for every scenario, written to ``folder``: noise that the harness executes and knows the law of."""
    place = folder / "noise"
    place.mkdir(parents=True)
    (place / "submission.toml").write_text(_MANIFEST, encoding="utf-8")
    (place / "defense.py").write_text(_DEFENSE, encoding="utf-8")
    return load_submission(place)


def loaded_scenarios() -> Mapping[str, Scenario]:
    """Name -> scenario of all that can be imported."""
    loaded = {}
    for name in registry.names("scenario"):
        try:
            plugin = registry.load("scenario", name)
        except Exception:  # its own check says what is wrong with it
            continue
        if isinstance(plugin, Scenario):
            loaded[name] = plugin
    return loaded
