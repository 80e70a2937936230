"""States of a row, derived from facts about its records and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["MEANINGS", "STATES", "RowFacts", "State", "state_of"]

State = Literal["verified", "sealed", "measured here", "claimed", "stale", "refuted"]
STATES: tuple[State, ...] = get_args(State)

MEANINGS: dict[State, str] = {
    "verified": "computed again by somebody whom this board trusts, with the same outcome",
    "sealed": "an official run, whose salt nobody knew when the submission was made",
    "measured here": "computed in this store, or shipped, from the source that is here; texts could be known before",
    "claimed": "the submitter's word: taken over, without isolation, of a source that is not here, or under a seal "
    "whose log does not have it",
    "stale": "of another version of the source than the one that is here",
    "refuted": "a control or its claim failed, or computing it again gave something else",
}


@dataclass(frozen=True)
class RowFacts:
    """Facts about all records of a row together."""

    failed_control: bool = False
    """A control that shows cheating failed, or the privacy claim is refuted."""
    contradicted: bool = False
    """A trusted verification found a difference in one of its records that no other platform explains."""
    other_source: bool = False
    """The source that is here under its name is another one."""
    source_here: bool = True
    """The source that it was made with is here."""
    isolated: bool = True
    """Every run was made in a worker process."""
    confirmed: bool = False
    """Trusted verifications without a difference are about exactly these records, and cover each of them."""
    logged: bool | None = None
    """The log of its seal has exactly these records, of a source that came before the reveal; None: the public salt."""
    taken_over: bool = False
    """Some of its records came into the store from elsewhere, and nobody vouched for them."""


def state_of(row: RowFacts) -> State:
    """The state of a row: what speaks against it comes first, then the strongest reason to believe it."""
    if row.failed_control or row.contradicted:
        return "refuted"
    if row.other_source:
        return "stale"
    if not row.isolated or row.logged is False:
        return "claimed"
    if row.confirmed:
        return "verified"
    if row.logged:
        return "sealed"
    return "measured here" if row.source_here and not row.taken_over else "claimed"
