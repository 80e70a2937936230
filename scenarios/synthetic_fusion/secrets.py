"""Secrets of synthetic_fusion and the truth about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.scenario import DistributionSecret, Record, Secret, TextSecret, Tokens, label_shares
from scenarios.common.secrets import class_secrets, of_victims, property_secrets
from scenarios.synthetic_fusion.canaries import Cast

__all__ = ["secrets_of"]

FREQUENT = 100
"""Most frequent auxiliary tokens, which content metrics leave out."""


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
    secrets = class_secrets(live.population)
    if shares := {party: label_shares(topics) for party, topics in of_victims(about).items()}:
        secrets["topic_distribution"] = DistributionSecret(shares)
    if live.chosen.candidates:
        secrets["membership"] = live.chosen.secret()
    if inside := {name: rest for name, (_, rest) in live.openings.items() if live.chosen.members[name]}:
        secrets["text"] = _rests(inside, auxiliary, tokens, limit)
    return secrets | property_secrets(live.population)


def _rests(rests: Mapping[str, str], auxiliary: Sequence[Record], tokens: Tokens, limit: int) -> TextSecret:
    """The secret rest of every canary that is in; the attacker knows how all canaries begin."""
    from harness.scenario import frequent_tokens

    ids = {name: tuple(tokens.encode(" " + rest)[:limit]) for name, rest in rests.items()}
    return TextSecret(
        tokens=ids,
        spans={name: ((0, len(rest)),) for name, rest in ids.items()},
        special_ids=tokens.special_ids,
        frequent_ids=frequent_tokens([tokens.encode(r.text)[:limit] for r in auxiliary], FREQUENT),
        decode=tokens.decode,
    )
