"""Ballots out of a transcript: who voted how for which texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.attack import SERVER, Floats, Kind, SeenMessage, SuiteError

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
    """How a record votes: ``weights`` for the nearest texts (or farthest ones), within its class or among all."""

    weights: tuple[float, ...]
    by_class: bool = True


def rule_of(public: Public) -> Rule:
    """The public voting rule, ``facts["votes"] = {"weights": [...], "by_class": bool}``."""
    facts = public.facts.get("votes")
    if not isinstance(facts, Mapping) or not facts.get("weights"):
        raise SuiteError('attacks on votes recompute them: the scenario must give facts["votes"] with the weights')
    return Rule(tuple(float(w) for w in facts["weights"]), bool(facts.get("by_class", True)))


def ballots(transcript: Iterable[SeenMessage]) -> list[Ballot]:
    """All ballots in order: ``votes`` and, where a protocol has them, votes ``far`` for the farthest texts.

    A ballot is about the texts that the server last sent to that party (of a sum: to anyone).
    """
    shown: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    found: list[Ballot] = []
    for sighting in transcript:
        message = sighting.message
        if message.kind is Kind.SYNTHETIC_TEXT and sighting.sender == SERVER:
            shown[sighting.receiver] = _texts(message.payload)
        elif message.kind is Kind.VOTE and sighting.sender != SERVER:
            texts, labels = shown.get(sighting.sender) or next(reversed(shown.values()), ((), ()))
            found += _of(sighting.sender, message.round, message.payload, texts, labels)
    return found


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
) -> list[Ballot]:  # fmt: skip
    columns = {name: payload[name].double().numpy().ravel() for name in ("votes", "far") if name in payload}
    odd = [len(votes) for votes in columns.values() if len(votes) != len(texts)]
    if odd:
        raise SuiteError(f"{party} cast {odd[0]} votes in round {round_}, but {len(texts)} texts were put to it")
    return [Ballot(party, round_, votes, texts, labels, name == "far") for name, votes in columns.items()]
