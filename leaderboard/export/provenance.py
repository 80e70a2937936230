"""Provenance of an export, written into every file as a comment or as metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaderboard.export.request import Request, command_of

if TYPE_CHECKING:
    from leaderboard.queries import Board

__all__ = ["Provenance", "provenance"]


@dataclass(frozen=True)
class Provenance:
    """Facts that let a reader check a number: which records, which suites, when, and how."""

    facts: Mapping[str, str]
    """Name -> value, in the order they are written; single lines without control characters."""

    @property
    def lines(self) -> list[str]:
        """``name: value`` lines."""
        return [f"{name}: {value}" for name, value in self.facts.items()]

    def comment(self, prefix: str) -> str:
        """The lines, each behind ``prefix``."""
        return "".join(f"{prefix}{line}\n" for line in self.lines)


def provenance(board: Board, request: Request) -> Provenance:
    """The provenance of one export from one board."""
    meta = board.meta()
    return Provenance(
        {
            "made by": f"leakboard {meta.get('leakboard', '?')}",
            "records": f"sha256 {_line(meta.get('records_hash', '?'))}",
            "board built": _line(meta.get("built", "?")),
            "suites": _line(meta.get("suites", "")) or "none",
            "date": _line(request.date) or "not given",
            "command": _line(command_of(request)),
        }
    )


def _line(text: str) -> str:
    """One line whatever the text holds: a name with a line end in it must not end a comment."""
    return "".join(char if char.isprintable() else "?" for char in text)
