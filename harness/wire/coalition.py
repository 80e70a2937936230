"""Coalitions of curious parties, as filters of the wire log."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "SERVER",
    "SUM",
    "Coalition",
]

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
