"""A seal: the hash of a secret salt, and the log of everything that was done with it.

A seal is one small public JSON file. Its events form a chain: each holds the hash of the one before, so that an event
cannot be changed, left out or moved without changing every later hash. Who publishes the last hash (the *head*), by
committing the file to a public repository for example, cannot rewrite what came before. The file is not signed: whoever
holds it can write another history that was never published.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from harness.errors import SealError
from harness.integrity.salts import commitment, draw_salt
from harness.store import atomic
from harness.store.schema import Stored
from harness.util.keys import canonical

__all__ = [
    "SEAL_SUFFIX",
    "Event",
    "Seal",
    "append",
    "event_hash",
    "joined",
    "make_seal",
    "read_seal",
    "reveal_seal",
    "write_seal",
]

SEAL_SUFFIX = ".seal.json"
SEAL_VERSION: Literal[1] = 1

_HASH = r"^[0-9a-f]{64}$"


class Event(Stored):
    """One event in the life of a seal."""

    kind: Literal["sealed", "begun", "finished", "revealed"]
    """``begun``: an official run of a submission is about to compute its first score; ``finished``: it has ended."""
    time: str
    """By the clock of the machine that wrote it, ISO 8601 in UTC. Nothing rests on it: the order of events counts."""
    previous: str
    """Hash of the event before; empty for the first."""
    submission: str = ""
    """Name of the submission that was run."""
    source: str = ""
    """Hash of its source tree."""
    suite: str = ""
    """``name@version`` of the suite."""
    isolation: str = ""
    """Where its private parties ran."""
    records: dict[str, str] = Field(default_factory=dict)
    """Key -> digest of every record of the run, those of the undefended system among them."""
    salt: str = ""
    """The salt, once it is revealed."""


class Seal(Stored):
    """A seal with its log."""

    leakboard_seal: Literal[1] = SEAL_VERSION
    """Version of the format."""
    commitment: str = Field(pattern=_HASH)
    """:func:`harness.integrity.commitment` of the salt."""
    events: tuple[Event, ...] = Field(min_length=1)
    """In order."""

    @property
    def salt(self) -> str | None:
        """The salt, where it is revealed."""
        return next((event.salt for event in self.events if event.kind == "revealed"), None)

    @property
    def head(self) -> str:
        """Hash of the last event, and with it of all."""
        return self.hashes()[-1]

    def hashes(self) -> list[str]:
        """Hash of each event."""
        return [event_hash(self.commitment, event) for event in self.events]

    def sources(self, name: str) -> list[str]:
        """Hashes of the sources of a submission that were run, each once, in order."""
        return list(dict.fromkeys(e.source for e in self.events if e.kind == "begun" and e.submission == name))

    def registered(self) -> frozenset[tuple[str, str]]:
        """(submission, source hash) of the official runs that began while the salt was secret."""
        begun = set()
        for event in self.events:
            if event.kind == "revealed":
                break
            if event.kind == "begun":
                begun.add((event.submission, event.source))
        return frozenset(begun)

    def logged(self) -> dict[str, frozenset[str]]:
        """Key -> digests of the records of official runs of registered submissions."""
        registered, records = self.registered(), dict[str, set[str]]()
        for event in self.events:
            if event.kind == "finished" and (event.submission, event.source) in registered:
                for key, digest in event.records.items():
                    records.setdefault(key, set()).add(digest)
        return {key: frozenset(digests) for key, digests in records.items()}


def event_hash(committed: str, event: Event) -> str:
    """SHA-256 of an event under its seal; the hash of the event before is part of it."""
    return hashlib.sha256(
        canonical({"seal": committed, "event": event.model_dump(mode="json", exclude_defaults=True)})
    ).hexdigest()


def make_seal(path: Path, salt_file: Path) -> Seal:
    """Draw a salt into ``salt_file`` and publish its hash as a new seal at ``path``.

    Raises:
        SealError: one of the files is there already.
    """
    if path.exists():
        raise SealError(f"{path} is there already; a seal is made once: name another")
    salt = draw_salt(salt_file)  # first: a hash without its salt would be of no use
    committed = commitment(salt)
    seal = Seal(commitment=committed, events=(Event(kind="sealed", time=_now(), previous=""),))
    write_seal(path, seal)
    return seal


def read_seal(path: Path) -> Seal:
    """The seal in a file.

    Raises:
        SealError: the file is no seal, its chain is broken, or the salt that it reveals is another one.
    """
    try:
        seal = Seal.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SealError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise SealError(f"{path} is no seal ({place}: {first['msg']}); `leakboard official seal` makes one") from error
    if problem := _problem(seal):
        raise SealError(f"{path} was altered: {problem}; restore it from where it was published")
    return seal


def write_seal(path: Path, seal: Seal) -> None:
    """Put a seal in place, whole or not at all."""
    text = json.dumps(seal.model_dump(mode="json", exclude_defaults=True) | {"leakboard_seal": SEAL_VERSION}, indent=1)
    atomic.write_file(path, text.encode() + b"\n")


def append(path: Path, kind: Literal["begun", "finished", "revealed"], **fields: Any) -> Seal:
    """Add an event to a seal's log; other writers of this machine wait.

    Raises:
        SealError: the seal cannot be read, or it is revealed and the event would begin a run or reveal it again.
    """
    with _held(path):
        seal = read_seal(path)
        if seal.salt is not None and kind != "finished":
            raise SealError(f"{path} is revealed: what is run now knew its salt; make a new seal")
        event = Event(kind=kind, time=_now(), previous=seal.head, **fields)
        longer = Seal(commitment=seal.commitment, events=(*seal.events, event))
        if problem := _problem(longer):
            raise SealError(f"{path}: {problem}")
        write_seal(path, longer)
    return longer


def reveal_seal(path: Path, salt: str) -> Seal:
    """Publish the salt of a seal: from now on everybody can compute what was computed with it.

    Raises:
        SealError: it is the salt of another seal, or revealed already.
    """
    if commitment(salt) != read_seal(path).commitment:
        raise SealError(f"this salt is not the one that {path} is the seal of")
    return append(path, "revealed", salt=salt)


def joined(first: Seal, second: Seal) -> Seal:
    """The longer of two copies of a seal.

    Raises:
        SealError: neither continues the other.
    """
    short, long = sorted((first, second), key=lambda seal: len(seal.events))
    if long.events[: len(short.events)] != short.events:
        raise SealError(f"two histories of the seal {first.commitment[:8]}: its log was rewritten")
    return long


def _problem(seal: Seal) -> str:
    """The first thing wrong with a seal's chain, or nothing."""
    previous, revealed = "", False
    for number, event in enumerate(seal.events):
        if event.previous != previous:
            return f"event {number} ({event.kind}) does not follow the event before it"
        if (event.kind == "sealed") != (number == 0):
            return f"event {number} is {event.kind!r}; a log begins with 'sealed' and has it once"
        if event.kind == "revealed" and (revealed or commitment(event.salt) != seal.commitment):
            return f"event {number} reveals a salt that is not the sealed one, or for a second time"
        if revealed and event.kind == "begun":
            return f"event {number} begins a run after the salt was revealed"
        revealed |= event.kind == "revealed"
        previous = event_hash(seal.commitment, event)
    return ""


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of a seal: a file beside it, as the seal's own is replaced."""
    try:
        with path.with_name(f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SealError(f"{path} cannot be written: {error}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
