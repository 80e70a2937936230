"""Synthetic texts out of a transcript: those that a party wrote, or, where authors are not seen, all that were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.attack import SERVER, Kind, SeenMessage

__all__ = ["Released"]


@dataclass(frozen=True)
class Released:
    """Synthetic texts of one run, by author."""

    by_party: Mapping[str, tuple[str, ...]]
    """What parties wrote themselves."""
    anyone: tuple[str, ...]
    """What the server passed on or released, each once; without it, everything."""

    @classmethod
    def of(cls, transcript: Iterable[SeenMessage]) -> Released:
        """Read all rounds."""
        written: dict[str, list[str]] = {}
        for sighting in transcript:
            if sighting.message.kind is Kind.SYNTHETIC_TEXT:
                written.setdefault(sighting.sender, []).extend(t for t in sighting.message["texts"] if t.strip())
        own = {name: tuple(texts) for name, texts in written.items() if name != SERVER}
        every = written.get(SERVER) or [text for texts in own.values() for text in texts]
        return cls(own, tuple(dict.fromkeys(every)))

    def about(self, party: str) -> tuple[str, ...]:
        """The texts that a record of ``party`` may echo in: its own, none if it was seen to write none; of a party that
        is not seen writing, anyone's."""
        return self.by_party.get(party, self.anyone)
