"""Membership from votes for a copy of the record that the server inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.readers.votes import ballots
from attacks.toolkit.vote_background import VoteBackground
from harness.attack import SUM, Attack, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["VoteProbe"]


class VoteProbe(Attack):
    """Active: candidates were among the texts voted on; a member votes for its own copy.

    The votes of a candidate's copy beyond what auxiliary records would give it, in standard deviations, over rounds.
    """

    name: ClassVar[str] = "vote_probe"
    summary: ClassVar[str] = "votes for a copy of the record that the server inserted"
    source: ClassVar[str] = "probe insertion into nearest-neighbour voting (this project)"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (VoteFacts,)

    def guess(self, view: View) -> Guess:
        """A score for every candidate; 0 for one that was never put to the vote."""
        background = VoteBackground(view)
        near = [b for b in ballots(view.transcript) if not b.farthest]
        seen: dict[str, list[float]] = {one.id: [] for one in view.candidates}
        for ballot in near:
            cells, surprises = (
                {text: i for i, text in reversed([*enumerate(ballot.texts)])},
                background.surprises(ballot),
            )
            for candidate in view.candidates:
                if ballot.party in (candidate.party, SUM) and candidate.text in cells:
                    seen[candidate.id].append(float(surprises[cells[candidate.text]]))
        return {name: sum(values) / max(len(values), 1) ** 0.5 for name, values in seen.items()}
