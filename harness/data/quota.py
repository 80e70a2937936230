"""Numbers of records that a split takes of each label."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["equal", "proportional"]


def equal(labels: Mapping[str, int], size: int) -> dict[str, int]:
    """Equal quotas; what does not divide goes to the largest labels."""
    order = sorted(labels, key=lambda label: (-labels[label], label))
    return {label: size // len(order) + (rank < size % len(order)) for rank, label in enumerate(order)}


def proportional(labels: Mapping[str, int], size: int) -> dict[str, int]:
    """Quotas by share, largest remainders first; never above what a label has while ``size`` fits the pool."""
    total = sum(labels.values())
    quotas = {label: size * count // total for label, count in labels.items()}
    order = sorted(labels, key=lambda label: (-(size * labels[label] % total), label))
    for label in order[: size - sum(quotas.values())]:
        quotas[label] += 1
    return quotas
