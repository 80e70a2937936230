"""Reader of ballots: the votes of each party for the texts put to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.attack import SERVER, Floats, Kind, SeenMessage, SuiteError, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Public

__all__ = ["Ballot", "Rule", "ballots", "noise_of", "rule_of"]


@dataclass(frozen=True)
class Ballot:
    """One histogram: ``votes [n]`` that ``party`` (or ``sum``) cast in a round for ``texts`` of classes ``labels``."""

    party: str
    round: int
    votes: Floats
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    farthest: bool = False


@dataclass(frozen=True)
class Rule:
    """Voting rule of a record: ``weights`` for the nearest texts (or farthest ones), within its class or among all."""

    weights: tuple[float, ...]
    by_class: bool = True


def rule_of(public: Public) -> Rule:
    """The public voting rule; :class:`DataError` where a deployment makes none public."""
    facts = public.need(VoteFacts)
    return Rule(facts.weights, facts.by_class)


def ballots(transcript: Iterable[SeenMessage]) -> list[Ballot]:
    """All ballots in order: ``votes`` and, where a protocol has them, votes ``far`` for the farthest texts.

    A ballot is about the texts that the server last sent to that party (of a sum: to anyone).
    """
    shown: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    cast: list[Ballot] = []
    for seen in transcript:
        message = seen.message
        if message.kind is Kind.SYNTHETIC_TEXT and seen.sender == SERVER:
            shown[seen.receiver] = _texts(message.payload)
        elif message.kind is Kind.VOTE and seen.sender != SERVER:
            texts, labels = shown.get(seen.sender) or next(reversed(shown.values()), ((), ()))
            cast += _of(seen.sender, message.round, message.payload, texts, labels)
    return cast


def noise_of(histograms: Sequence[Floats]) -> float:
    """Standard deviation of the noise in ``histograms``, from what fell below zero; 0 where nothing did.

    Most cells hold no vote, and noise is symmetric: the mean square of negative cells is its variance.
    """
    negative = np.concatenate([h[h < 0] for h in histograms]) if histograms else np.zeros(0)
    return float(np.sqrt((negative**2).mean())) if len(negative) else 0.0


def _texts(payload: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts = tuple(payload["texts"])
    return texts, tuple(str(label) for label in payload.get("labels", [""] * len(texts)))


def _of(
    party: str, round_: int, payload: Mapping[str, Any], texts: tuple[str, ...], labels: tuple[str, ...]
) -> list[Ballot]:
    columns = {name: payload[name].double().numpy().ravel() for name in ("votes", "far") if name in payload}
    odd = [len(votes) for votes in columns.values() if len(votes) != len(texts)]
    if odd:
        raise SuiteError(f"{party} cast {odd[0]} votes in round {round_}, but {len(texts)} texts were put to it")
    return [Ballot(party, round_, votes, texts, labels, name == "far") for name, votes in columns.items()]
