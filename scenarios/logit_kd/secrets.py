"""Secrets of logit_kd and the truth about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.scenario import Chosen, DistributionSecret, MembershipSecret, Score, Secret, label_shares
from scenarios.common.population import Population
from scenarios.common.secrets import class_secrets, of_victims, property_secrets

__all__ = ["MembershipOfSome", "secrets_of"]


@dataclass(frozen=True)
class MembershipOfSome(MembershipSecret):
    """Membership of the candidates ``asked`` alone, though all are labelled: an attacker cannot tell what it never
    hears of, and that must not dilute what it can. Attack and blind guess are scored on the same records.
    """

    asked: frozenset[str] = frozenset()

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the candidates that are scored."""
        return tuple(candidate for candidate in self.labels if candidate in self.asked)

    def score_target(self, guess: Mapping[str, Any], target: int, members: Mapping[str, bool]) -> tuple[Score, ...]:
        """As :class:`MembershipSecret`; a guess may leave out all other candidates."""
        others = dict.fromkeys(self.labels.keys() - self.asked, 0.0)
        scores = super().score_target({**guess, **others}, target, members)
        return tuple(score for score in scores if score.record.partition(":")[2] in self.asked)


def secrets_of(
    population: Population, chosen: Chosen, groups: Mapping[str, Collection[str]] | None = None
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none.

    An edge hears its own clients alone: ``membership:edge0`` is membership of their candidates, and
    ``label_distribution:edge0`` their class proportions, for every edge of ``groups`` (edge -> clients) that has any.
    """
    shares = {party: label_shares(own) for party, own in of_victims(population.counts).items()}
    secrets = class_secrets(population)
    for edge, members in (groups or {}).items():
        secrets[f"label_distribution:{edge}"] = DistributionSecret({p: shares[p] for p in members if p in shares})
    if chosen.candidates:
        secrets["membership"] = chosen.secret()
        secrets |= {f"membership:{edge}": _heard(chosen, members) for edge, members in (groups or {}).items()}
    secrets |= property_secrets(population)
    return {name: secret for name, secret in secrets.items() if secret.records}


def _heard(chosen: Chosen, parties: Collection[str]) -> MembershipSecret:
    """Membership of the candidates of some parties."""
    everyone = chosen.secret()
    asked = frozenset(c.id for c in chosen.candidates if c.party in parties)
    return MembershipOfSome(everyone.labels, everyone.canaries, asked)
