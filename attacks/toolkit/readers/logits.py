"""Reader of logits: the answers of each party, by round and text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.view import labels_of, party_count, public_texts
from harness.attack import SERVER, SUM, Floats, Ints, Kind, LogitFacts, SeenMessage

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = ["Answers", "answers", "asked", "public_range", "stand_in", "table"]


@dataclass(frozen=True)
class Answers:
    """One message of logits: row i of ``logits [n, classes]`` is about query ``index[i]``."""

    party: str
    round: int
    logits: Floats
    index: Ints


def answers(transcript: Iterable[SeenMessage], public: Public) -> list[Answers]:
    """All logits that were sent, in order; what the server tells everyone once per round, a secure sum as its mean."""
    sent: list[Answers] = []
    seen: set[tuple[int, int]] = set()
    parties = party_count(public)
    for sender, message in ((s.sender, s.message) for s in transcript):
        if message.kind is not Kind.LOGITS or "logits" not in message.payload:
            continue
        logits = message["logits"].double().numpy()
        if sender == SERVER:
            place = (message.round, len(logits))
            if place in seen:
                continue
            seen.add(place)
        index = np.asarray(message.payload.get("index", range(len(logits))), dtype=np.int64)
        sent.append(Answers(sender, message.round, logits / (parties if sender == SUM else 1), index))
    return sent


def table(sent: Sequence[Answers], party: str, positions: Ints, public: Public) -> Floats:
    """Logits ``[rounds, len(positions), classes]`` of ``party`` about some queries; nan where it did not answer.

    Where the coalition does not see the party's own logits, those of its edge stand in, or the consensus.
    """
    whose = stand_in(sent, party, public)
    own = [a for a in sent if a.party == whose]
    rounds = sorted({a.round for a in own})
    size = max((int(a.index.max(initial=-1)) + 1 for a in own), default=0)
    size = max(size, int(positions.max(initial=-1)) + 1)
    classes = len(labels_of(public))
    grid = np.full((len(rounds), size, classes), np.nan)
    for a in own:
        grid[rounds.index(a.round), a.index] = a.logits
    return grid[:, positions]


def asked(view: View) -> Mapping[str, Ints]:
    """Candidate id -> the queries that are its text (the first) and altered copies of it; absent if not asked."""
    ids = view.own.get("query_ids")
    if ids is None:
        texts = view.own.get("queries", public_texts(view.public))
        places = {text: place for place, text in reversed(list(enumerate(texts)))}
        return {c.id: np.array([places[c.text]]) for c in view.candidates if c.text in places}
    positions: dict[str, list[int]] = {}
    for place, name in enumerate(ids):
        if name:
            positions.setdefault(name, []).append(place)
    return {name: np.array(rows) for name, rows in positions.items()}


def public_range(public: Public) -> Ints:
    """Positions of the public texts among the queries."""
    return np.arange(len(public_texts(public)))


def stand_in(sent: Sequence[Answers], party: str, public: Public) -> str:
    """Sender read for ``party``: itself, otherwise its edge's, the server's consensus or the secure sum."""
    senders = {a.party for a in sent}
    known = public.facts_of(LogitFacts)
    edges = known.edges if known else {}
    options = [party, *(edge for edge, members in edges.items() if party in members), SERVER, SUM]
    return next((name for name in options if name in senders), party)
