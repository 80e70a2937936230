"""Secrets about what clients hold: class shares, classes present, and a planted property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from harness.scenario import DistributionSecret, PresenceSecret, PropertySecret, Secret, label_shares
from scenarios.common.population import CURIOUS, Population

__all__ = ["class_secrets", "of_victims", "property_secrets"]

T = TypeVar("T")


def of_victims(facts: Mapping[str, T]) -> dict[str, T]:
    """``facts`` (party -> fact) without those of the curious client, of which no secret is scored."""
    return {party: fact for party, fact in facts.items() if party != CURIOUS}


def class_secrets(population: Population) -> dict[str, Secret]:
    """``label_distribution``, the class shares of every victim, and ``class_presence``, the classes it holds."""
    counts = of_victims(population.counts)
    return {
        "label_distribution": DistributionSecret({party: label_shares(own) for party, own in counts.items()}),
        "class_presence": PresenceSecret(
            {party: {label: int(n > 0) for label, n in own.items()} for party, own in counts.items()}
        ),
    }


def property_secrets(population: Population) -> dict[str, Secret]:
    """``property``, the planted one of every victim; empty where none is planted."""
    planted = of_victims(population.planted)
    return {"property": PropertySecret(planted)} if planted else {}
