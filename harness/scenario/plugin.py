"""The scenario plugin: its name, what it assumes, how a deployment of it is built, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.scenario.deployment import Deployment
from harness.scenario.settings import Settings

if TYPE_CHECKING:
    from harness.lm_eval.prompts import Form, Prompt

__all__ = ["Scenario", "Step"]


@dataclass(frozen=True)
class Step:
    """One line of a protocol's drawing: who sends whom what or, without a receiver, what somebody does alone."""

    sender: str
    """A role: ``clients``, ``server``, ``edges``, ``reader``, ..."""
    says: str
    receiver: str = ""
    kind: str = ""
    """Name of the message's kind."""
    when: str = ""
    """What repeats it, such as ``each round``; steps in a row with the same words repeat together."""


@dataclass(frozen=True)
class Scenario:
    """A scenario plugin: its name, its assumptions, and the functions that build its deployments."""

    name: str
    summary: str
    threat_model: str
    source: str
    coalitions: Mapping[str, str]
    """Coalition name -> what it sees."""
    secrets: Mapping[str, str]
    """Secret name -> what it is."""
    settings: type[Settings]
    """Schema of what a suite entry may set."""
    build: Callable[[Any, tuple[str | int, ...]], Deployment]
    """(Settings, seed axes) -> deployment; :class:`harness.errors.SuiteError` lists all problems."""
    small: Callable[[str], Deployment]
    """A deployment on a tiny random model written to the given folder, for contract checks: no findings."""
    answering: Callable[[Any, Form, Sequence[Prompt], Sequence[str], tuple[str | int, ...]], Deployment] | None = None
    """(Settings, form, prompts, public texts, seed axes) -> a deployment that answers lm-eval prompts, sessions
    ``r0``, ``r1``, ... in their order; None: the scenario has no such use."""
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """Variant of the protocol -> its steps, for readers; tests hold them against what is really sent."""
    steps_by: str = ""
    """The setting whose value is the variant."""

    def deployment(self, entry: str, raw: Mapping[str, Any], axes: tuple[str | int, ...]) -> Deployment:
        """Deployment of a suite entry.

        Args:
            entry: name of the entry, for messages.
            raw: its settings as written in the suite.
            axes: what all random draws of the deployment are seeded with.

        Raises:
            SuiteError: every problem of the settings at once.
        """
        return self.build(self.settings.read(entry, raw), axes)
