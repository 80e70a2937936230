"""Reasons to believe a record: seals of official runs, verifications by others, locks of package versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.integrity.contents import contents, digest
    from harness.integrity.labels import plain_suite, seal_of, under_seal
    from harness.integrity.salts import commitment, draw_salt, read_salt
    from harness.integrity.seals import SEAL_SUFFIX, Event, Seal, joined, make_seal, read_seal, reveal_seal, write_seal
    from harness.integrity.states import MEANINGS, STATES, RowFacts, State, state_of
    from harness.integrity.verifications import (
        VERIFICATION_SUFFIX,
        Verification,
        read_verification,
        write_verification,
    )

__all__ = [
    "MEANINGS",
    "SEAL_SUFFIX",
    "STATES",
    "VERIFICATION_SUFFIX",
    "Event",
    "RowFacts",
    "Seal",
    "State",
    "Verification",
    "commitment",
    "contents",
    "digest",
    "draw_salt",
    "joined",
    "make_seal",
    "plain_suite",
    "read_salt",
    "read_seal",
    "read_verification",
    "reveal_seal",
    "seal_of",
    "state_of",
    "under_seal",
    "write_seal",
    "write_verification",
]

_ROOMS = {
    "harness.integrity.contents": "contents digest",
    "harness.integrity.labels": "plain_suite seal_of under_seal",
    "harness.integrity.salts": "commitment draw_salt read_salt",
    "harness.integrity.seals": "SEAL_SUFFIX Event Seal joined make_seal read_seal reveal_seal write_seal",
    "harness.integrity.states": "MEANINGS STATES RowFacts State state_of",
    "harness.integrity.verifications": "VERIFICATION_SUFFIX Verification read_verification write_verification",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
