"""Behaviours of the curious party in one run: it follows the protocol, or something stands in its place."""

from __future__ import annotations

__all__ = ["CENTRALISED", "HONEST", "KNOCKOUT", "LOCAL_ONLY", "MALICIOUS", "PASSIVE"]

HONEST = "honest"
"""It follows the protocol; utility is earned here."""
KNOCKOUT = "knockout"
"""It works with other inputs' messages, so that utility must fall."""
LOCAL_ONLY = "local_only"
"""It is absent: private parties work alone."""
MALICIOUS = "malicious"
"""It breaks the protocol so as to learn more: an entry of its own, in a suite of nothing else."""
CENTRALISED = "centralised"
"""One party holds everything, and nothing is shared."""

PASSIVE = frozenset({HONEST, KNOCKOUT, LOCAL_ONLY, CENTRALISED})
"""Behaviours in which nobody asks about texts of its choice; every other one is an active attack's."""
