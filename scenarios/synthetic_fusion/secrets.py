"""What is secret in synthetic_fusion, and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.scenario import (
    DistributionSecret,
    PresenceSecret,
    PropertySecret,
    Record,
    Secret,
    TextSecret,
    Tokens,
    label_shares,
)
from scenarios.population import CURIOUS
from scenarios.synthetic_fusion.canaries import Cast

__all__ = ["secrets_of"]

FREQUENT = 100


def secrets_of(
    live: Cast,
    auxiliary: Sequence[Record],
    tokens: Tokens,
    limit: int,
    about: Mapping[str, Mapping[str, int]],
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none.

    ``about``: party -> topic -> records; empty where there are no topics.
    """
    counts = {party: found for party, found in live.population.counts.items() if party != CURIOUS}
    planted = {party: value for party, value in live.population.planted.items() if party != CURIOUS}
    secrets: dict[str, Secret] = {
        "label_distribution": DistributionSecret({party: label_shares(found) for party, found in counts.items()}),
        "class_presence": PresenceSecret({p: {name: int(n > 0) for name, n in c.items()} for p, c in counts.items()}),
    }
    if shares := {party: label_shares(found) for party, found in about.items() if party != CURIOUS}:
        secrets["topic_distribution"] = DistributionSecret(shares)
    if live.chosen.candidates:
        secrets["membership"] = live.chosen.secret()
    if inside := {name: rest for name, (_, rest) in live.openings.items() if live.chosen.members[name]}:
        secrets["text"] = _rests(inside, auxiliary, tokens, limit)
    if planted:
        secrets["property"] = PropertySecret(planted)
    return secrets


def _rests(rests: Mapping[str, str], auxiliary: Sequence[Record], tokens: Tokens, limit: int) -> TextSecret:
    """The secret rest of every canary that is in; the attacker knows how all canaries begin."""
    from harness.scenario import frequent_tokens

    ids = {name: tuple(tokens.encode(" " + rest)[:limit]) for name, rest in rests.items()}
    return TextSecret(
        tokens=ids,
        spans={name: ((0, len(one)),) for name, one in ids.items()},
        special_ids=tokens.special_ids,
        frequent_ids=frequent_tokens([tokens.encode(r.text)[:limit] for r in auxiliary], FREQUENT),
        decode=tokens.decode,
    )
