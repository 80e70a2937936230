"""The one exception tree. Every error says what was wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AssetError",
    "CodecError",
    "DataError",
    "DefenseError",
    "LeakboardError",
    "ManifestError",
    "ModelError",
    "ProtocolError",
    "SealError",
    "StoreBusy",
    "StoreError",
    "SuiteError",
    "UnknownName",
]


class LeakboardError(Exception):
    """Base of everything leakboard raises on purpose."""


class AssetError(LeakboardError):
    """An embedded model or data file is missing, truncated or not the one that was pinned."""


class CodecError(LeakboardError):
    """Bytes are not a valid message, or a payload cannot be put on the wire."""


class DataError(LeakboardError):
    """A dataset cannot be read, is too small, or its splits overlap."""


class DefenseError(LeakboardError):
    """A submission crashed, hung, or sent something that breaks the contract; ends its cells as ``error``."""


class ManifestError(LeakboardError):
    """A submission or suite file does not fit its schema; ``problems`` lists everything that is wrong."""

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        super().__init__(f"{where}:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


class ModelError(LeakboardError):
    """A model is of an untested family, cannot be cut as asked, or cannot be found."""


class ProtocolError(LeakboardError):
    """A scenario broke the strict alternation of send and receive, or a party misused its end."""


class SealError(LeakboardError):
    """A seal, its salt or its log is missing, altered, or does not allow what is asked for."""


class StoreError(LeakboardError):
    """A stored file is damaged, of an unknown schema version, or conflicts with another."""


class StoreBusy(StoreError):
    """Another process holds the database file."""


class SuiteError(LeakboardError):
    """A suite asks for something its scenario, data or model cannot give."""


class UnknownName(LeakboardError):
    """No plugin, suite, model or dataset of that name; the message names near misses."""
