"""Attacks on histograms of votes that private records cast for synthetic texts."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.votes"

ATTACKS: dict[str, str] = {
    "vote_ratio": f"{_HERE}.ratio:VoteRatio",
    "vote_ratio_exact": f"{_HERE}.exact:ExactVoteRatio",
    "vote_probe": f"{_HERE}.ratio:VoteProbe",
    "top_voted": f"{_HERE}.ratio:TopVoted",
    "vote_shares": f"{_HERE}.shares:VoteShares",
    "vote_topics": f"{_HERE}.topics:VoteTopics",
    "blind_topics": f"{_HERE}.blind:BlindTopics",
}
"""Attack name -> ``module:class``."""
