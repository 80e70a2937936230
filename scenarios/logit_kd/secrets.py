"""What is secret in logit_kd, and the truth about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.scenario import (
    Chosen,
    DistributionSecret,
    MembershipSecret,
    PresenceSecret,
    PropertySecret,
    Score,
    Secret,
    label_shares,
)
from scenarios.population import CURIOUS, Population

__all__ = ["MembershipOfSome", "secrets_of"]


@dataclass(frozen=True)
class MembershipOfSome(MembershipSecret):
    """Membership of the candidates ``asked`` alone, though all are labelled: what an attacker never hears of it cannot
    tell, and must not dilute what it can. Attack and blind guess are scored on the same records."""

    asked: frozenset[str] = frozenset()

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the candidates that are scored."""
        return tuple(candidate for candidate in self.labels if candidate in self.asked)

    def score_target(self, guess: Mapping[str, Any], target: int, members: Mapping[str, bool]) -> tuple[Score, ...]:
        """As :class:`MembershipSecret`; a guess may leave out all other candidates."""
        others = dict.fromkeys(self.labels.keys() - self.asked, 0.0)
        scores = super().score_target({**guess, **others}, target, members)
        return tuple(one for one in scores if one.record.partition(":")[2] in self.asked)


def secrets_of(
    population: Population, chosen: Chosen, groups: Mapping[str, Collection[str]] | None = None
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none.

    An edge hears its own clients alone: ``membership:edge0`` is membership of their candidates, and
    ``label_distribution:edge0`` their class proportions, for every edge of ``groups`` (edge -> clients) that has any.
    """
    counts = {party: found for party, found in population.counts.items() if party != CURIOUS}
    shares = {party: label_shares(found) for party, found in counts.items()}
    secrets: dict[str, Secret] = {
        "label_distribution": DistributionSecret(shares),
        "class_presence": PresenceSecret({p: {name: int(n > 0) for name, n in c.items()} for p, c in counts.items()}),
    }
    for edge, members in (groups or {}).items():
        secrets[f"label_distribution:{edge}"] = DistributionSecret({p: shares[p] for p in members if p in shares})
    if chosen.candidates:
        secrets["membership"] = chosen.secret()
        secrets |= {f"membership:{edge}": _heard(chosen, members) for edge, members in (groups or {}).items()}
    if population.planted:
        secrets["property"] = PropertySecret({p: value for p, value in population.planted.items() if p != CURIOUS})
    return {name: secret for name, secret in secrets.items() if secret.records}


def _heard(chosen: Chosen, parties: Collection[str]) -> MembershipSecret:
    """Membership of the candidates of some parties."""
    every = chosen.secret()
    asked = frozenset(c.id for c in chosen.candidates if c.party in parties)
    return MembershipOfSome(every.labels, every.canaries, asked)
