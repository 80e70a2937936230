"""Power of a membership attack on one view."""

from __future__ import annotations

from typing import Any

from harness.metrics.membership import auc
from harness.scenario.membership import MembershipSecret


def power(attack: Any, view: Any) -> float:
    guess = attack.guess(view)
    assert len(MembershipSecret({k: int(v) for k, v in view.members.items()}).score(guess)) == 3 * len(view.candidates)
    return auc([guess[one.id] for one in view.candidates], view.labels)
