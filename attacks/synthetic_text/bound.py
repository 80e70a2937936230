"""What a finished disclosure attack says about epsilon: its lower bound, beside the most it could have been.

Scores of ``rare_disclosure`` and the truth are enough: a candidate matched if its score is at least the attack's
``size``. The bound is a statement about the runs that were scored, so it is no part of a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attacks.synthetic_text.phantoms import Disclosure
from harness.attack import DataError

__all__ = ["DisclosureBound", "disclosure_bound"]


@dataclass(frozen=True)
class DisclosureBound:
    """The phantom-corrected test on scored candidates, one or several targets together."""

    counts: Disclosure
    epsilon: float
    """Lower bound at level ``1 - alpha``; 0 where chance explains the matches."""
    ceiling: float
    """The bound if every match had been a member; 0 without matches."""
    p_value: float
    """Of no learning at all."""
    alpha: float


def disclosure_bound(
    scores: Mapping[str, float], labels: Mapping[str, float], *, size: int = 2, alpha: float = 0.05
) -> DisclosureBound:
    """Bound from ``scores`` and true ``labels`` (1: member) by record id, ``"{target}:{candidate}"`` as in cells.

    Members are the training side, all others the holdout side; coins of several targets are independent, so that
    their matches add up.

    Raises:
        DataError: records differ, or one side is empty.
    """
    members = [record for record in labels if labels[record] == 1]
    others = [record for record in labels if labels[record] != 1]
    if scores.keys() != labels.keys() or not members or not others:
        raise DataError(
            f"disclosure bound: {len(scores)} scores for {len(labels)} labels, {len(members)} members and "
            f"{len(others)} others; give both for the same records, of both kinds"
        )
    hits = [sum(scores[record] >= size for record in side) for side in (members, others)]
    counts = Disclosure(hits[0], hits[1], len(members), len(others))
    bound = counts.bound(alpha)
    return DisclosureBound(counts, bound.epsilon, bound.ceiling, counts.p_value(), alpha)
