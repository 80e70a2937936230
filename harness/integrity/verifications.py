"""Verifications: what somebody who computed records again says about them, as a small file that travels with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.errors import StoreError
from harness.store import atomic
from harness.store.schema import Environment, Stored

__all__ = ["VERIFICATION_SUFFIX", "Outcome", "Verification", "read_verification", "write_verification"]

VERIFICATION_SUFFIX = ".verification.json"
SUFFICIENT_LEVEL = 0.95
SUFFICIENT_SHARE = 0.1
"""A sample verifies records where at most this share of them can be wrong at that level."""

Outcome = Literal["verified", "refuted", "unsettled", "incomplete", "too few"]


class Verification(Stored):
    """The outcome of computing records of one submission again."""

    leakboard_verification: Literal[1] = 1
    """Version of the format."""
    verifier: str
    """Who says so, in words."""
    time: str
    """When, by the verifier's clock, ISO 8601 in UTC."""
    environment: Environment
    """Where the records were computed again."""
    suite: str
    """``name@version`` of the suite."""
    submission: str
    """Name of the submission."""
    source: str
    """Hash of its source tree."""
    seal: str | None = None
    """Commitment of the salt; None for the public one."""
    isolation: str
    """Where private parties ran, both times."""
    records: dict[str, str]
    """Key -> digest of all records that the sample was drawn from, runs among them."""
    population: int
    """Number of cells among them."""
    sampled: tuple[str, ...]
    """Keys of cells drawn at random, in order of key."""
    beside: tuple[str, ...] = ()
    """Keys of further cells that were computed again, so that each entry and operating point has one; the bound rests
    on the sample alone."""
    seed: str
    """Seed of the draw."""
    level: float = Field(gt=0, lt=1)
    """Confidence of the bound."""
    at_most_wrong: int
    """Cells of the population that can be wrong at that level, given a sample without a difference."""
    same_platform: bool
    """All was computed again with the packages, processor and threads of the records: then bytes must be equal."""
    differing: dict[str, str] = Field(default_factory=dict)
    """Key -> how it differs, and why."""
    contradicting: tuple[str, ...] = ()
    """Those of them that no other platform explains."""
    missing: dict[str, str] = Field(default_factory=dict)
    """Key -> why it could not be computed again."""

    @property
    def checked(self) -> frozenset[str]:
        """Keys of the cells that were computed again."""
        return frozenset((*self.sampled, *self.beside)) - set(self.missing)

    @property
    def outcome(self) -> Outcome:
        """``refuted``: a difference that no other platform explains; ``unsettled``: differences beyond the tolerance
        of another platform; ``incomplete``: some cells could not be computed; ``too few``: a sample that proves
        too little."""
        if self.contradicting:
            return "refuted"
        if self.differing:
            return "unsettled"
        if self.missing:
            return "incomplete"
        enough = self.level >= SUFFICIENT_LEVEL and self.at_most_wrong <= SUFFICIENT_SHARE * self.population
        return "verified" if enough and self.checked else "too few"


def write_verification(folder: Path, verification: Verification) -> Path:
    """Write a verification under a name of its own into ``folder``; returns the file."""
    text = json.dumps(verification.model_dump(mode="json"), indent=1, sort_keys=True).encode()
    name = f"{verification.submission}.{hashlib.sha256(text).hexdigest()[:8]}{VERIFICATION_SUFFIX}"
    atomic.write_file(folder / name, text + b"\n")
    return folder / name


def read_verification(path: Path) -> Verification:
    """The verification in a file; :class:`StoreError` if it is none."""
    try:
        return Verification.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = str(error).splitlines()[0]
        raise StoreError(f"{path} is no verification ({why}); `leakboard verify` writes them") from error
