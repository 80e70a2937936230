"""What is secret in logit_kd, and the truth about it."""

from __future__ import annotations

from harness.data.candidates import Chosen
from harness.data.partition import label_shares
from harness.secret import DistributionSecret, PresenceSecret, PropertySecret, Secret
from scenarios.population import CURIOUS, Population

__all__ = ["secrets_of"]


def secrets_of(population: Population, chosen: Chosen) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none."""
    counts = {party: found for party, found in population.counts.items() if party != CURIOUS}
    secrets: dict[str, Secret] = {
        "label_distribution": DistributionSecret({party: label_shares(found) for party, found in counts.items()}),
        "class_presence": PresenceSecret({p: {name: int(n > 0) for name, n in c.items()} for p, c in counts.items()}),
    }
    if chosen.candidates:
        secrets["membership"] = chosen.secret()
    if population.planted:
        secrets["property"] = PropertySecret({p: value for p, value in population.planted.items() if p != CURIOUS})
    return secrets
