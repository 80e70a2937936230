"""Logits out of a transcript: who answered what, in which round, about which text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.attack import SERVER, SUM, Candidate, Floats, Ints, Kind, SeenMessage, SuiteError

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = [
    "Answers",
    "Memo",
    "answers",
    "asked",
    "by_party",
    "classes_of",
    "label_ids",
    "numpy_rng",
    "public_range",
    "stand_in",
    "table",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Answers:
    """One message of logits: row i of ``logits [n, classes]`` is about query ``index[i]``."""

    party: str
    round: int
    logits: Floats
    index: Ints


class Memo:
    """Results by the identity of what they were made from: shadow runs are seen once for every target."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[object, Any]] = {}

    def of(self, thing: object, make: Callable[[], T]) -> T:
        """``make()``, or what it gave the last time for the very same object."""
        if id(thing) not in self._kept:
            self._kept[id(thing)] = thing, make()
        value: T = self._kept[id(thing)][1]
        return value


def classes_of(public: Public) -> tuple[str, ...]:
    """The public label set, in the order of the columns of logits."""
    return tuple(public.facts["labels"])


def label_ids(candidates: Sequence[Candidate], public: Public) -> Ints:
    """Class numbers ``[m]`` of the candidates' labels; :class:`SuiteError` for one outside the label set."""
    names = classes_of(public)
    if strange := sorted({str(c.label) for c in candidates} - set(names)):
        raise SuiteError(f"candidates labelled {', '.join(strange[:3])}, not in the label set {', '.join(names)}")
    return np.array([names.index(str(c.label)) for c in candidates], dtype=np.int64)


def answers(transcript: Iterable[SeenMessage], public: Public) -> list[Answers]:
    """All logits that were sent, in order; what the server tells everyone once per round, a secure sum as its mean."""
    found: list[Answers] = []
    told: set[tuple[int, int]] = set()
    parties = max(len(public.facts.get("parties", ())), 1)
    for sender, message in ((s.sender, s.message) for s in transcript):
        if message.kind is not Kind.LOGITS or "logits" not in message.payload:
            continue
        logits = message["logits"].double().numpy()
        if sender == SERVER:
            place = (message.round, len(logits))
            if place in told:
                continue
            told.add(place)
        index = np.asarray(message.payload.get("index", range(len(logits))), dtype=np.int64)
        found.append(Answers(sender, message.round, logits / (parties if sender == SUM else 1), index))
    return found


def table(found: Sequence[Answers], party: str, positions: Ints, public: Public) -> Floats:
    """Logits ``[rounds, len(positions), classes]`` of ``party`` about some queries; nan where it did not answer.

    Where the coalition does not see the party's own logits, those of its edge stand in, or the consensus.
    """
    whose = stand_in(found, party, public)
    mine = [a for a in found if a.party == whose]
    rounds = sorted({a.round for a in mine})
    size = max((int(a.index.max(initial=-1)) + 1 for a in mine), default=0)
    size = max(size, int(positions.max(initial=-1)) + 1)
    classes = len(classes_of(public))
    grid = np.full((len(rounds), size, classes), np.nan)
    for a in mine:
        grid[rounds.index(a.round), a.index] = a.logits
    return grid[:, positions]


def asked(view: View) -> Mapping[str, Ints]:
    """Candidate id -> the queries that are its text (the first) and altered copies of it; absent if not asked."""
    ids = view.own.get("query_ids")
    if ids is None:
        texts = view.own.get("queries", view.public.facts.get("public_texts", ()))
        places = {text: place for place, text in reversed(list(enumerate(texts)))}
        return {c.id: np.array([places[c.text]]) for c in view.candidates if c.text in places}
    found: dict[str, list[int]] = {}
    for place, name in enumerate(ids):
        if name:
            found.setdefault(name, []).append(place)
    return {name: np.array(rows) for name, rows in found.items()}


def numpy_rng(view: View) -> np.random.Generator:
    """A NumPy generator seeded from the view's."""
    import torch

    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=view.rng)))


def public_range(public: Public) -> Ints:
    """Positions of the public texts among the queries."""
    return np.arange(len(public.facts.get("public_texts", ())))


def stand_in(found: Sequence[Answers], party: str, public: Public) -> str:
    """Whose logits are read for ``party``: its own, otherwise its edge's, the server's consensus or the secure sum."""
    senders = {a.party for a in found}
    edges: Mapping[str, Sequence[str]] = public.facts.get("edges", {})
    options = [party, *(edge for edge, members in edges.items() if party in members), SERVER, SUM]
    return next((name for name in options if name in senders), party)


def by_party(candidates: Sequence[Candidate]) -> Mapping[str, Ints]:
    """Party -> rows of its candidates."""
    rows: dict[str, list[int]] = {}
    for row, one in enumerate(candidates):
        rows.setdefault(one.party, []).append(row)
    return {party: np.array(some, dtype=np.int64) for party, some in rows.items()}
