"""Who sees what: coalitions of curious parties as filters of the wire log, and the data types of their view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.wire.message import Message

__all__ = ["SERVER", "SUM", "Candidate", "Coalition", "Shadow", "Sighting"]

SERVER = "server"
"""The curious party that private parties talk to unless the deployment routes them elsewhere."""

SUM = "sum"
"""Sender of the one message that secure aggregation lets the curious party see."""


@dataclass(frozen=True)
class Coalition:
    """Curious parties that share what they see: every message that one of them sent or received.

    ``parties`` may name private parties (a curious client follows the protocol and sees its own messages) and
    curious ones other than the server (an edge). A sealed message is seen by its sender alone.
    """

    name: str
    parties: frozenset[str] = frozenset()
    sees_server: bool = False

    @property
    def members(self) -> frozenset[str]:
        """Names as they stand in the wire log."""
        return self.parties | {SERVER} if self.sees_server else self.parties


@dataclass(frozen=True)
class Sighting:
    """One message as a coalition saw it."""

    sender: str
    receiver: str
    message: Message


@dataclass(frozen=True)
class Candidate:
    """A record of which the attacker asks whether ``party`` trained on it; members with probability 1/2."""

    id: str
    text: str
    label: str | None
    party: str
    canary: bool = False
    """Mislabelled or rare on purpose; canaries are scored apart from average records."""


@dataclass(frozen=True)
class Shadow:
    """A run of the whole protocol on data that the attacker drew, with everything it knows about it."""

    transcript: Sequence[Sighting]
    own: Mapping[str, Any]
    members: Mapping[str, bool]
    """Candidate id -> whether it was in its party."""
    truth: Mapping[str, Any] = field(default_factory=dict)
    """What the scenario says about the drawn data (:attr:`harness.scenario.deployment.Deployment.truth`)."""
