"""Reasons to believe a record: seals of official runs, verifications by others, locks of package versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.integrity.contents import contents
    from harness.integrity.salts import commitment, draw_salt, read_salt
    from harness.integrity.seals import SEAL_SUFFIX, Event, Seal, make_seal, read_seal, reveal_seal

__all__ = [
    "SEAL_SUFFIX",
    "Event",
    "Seal",
    "commitment",
    "contents",
    "draw_salt",
    "make_seal",
    "read_salt",
    "read_seal",
    "reveal_seal",
]

_ROOMS = {
    "harness.integrity.contents": "contents",
    "harness.integrity.salts": "commitment draw_salt read_salt",
    "harness.integrity.seals": "SEAL_SUFFIX Event Seal make_seal read_seal reveal_seal",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
