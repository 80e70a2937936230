"""Ranks, significance groups, Pareto tiers, paired differences and scores over a suite's entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaderboard.ranks.dcs import attack_dcs, dcs_columns
    from leaderboard.ranks.joint_bootstrap import Contributions, JointBootstrap, bootstrap_jointly
    from leaderboard.ranks.overall import headline_rows, overall_rows
    from leaderboard.ranks.paired_tests import Difference, differences, holm
    from leaderboard.ranks.ranking import interval_groups, pareto, pareto_tiers, places, with_weights
    from leaderboard.ranks.standings import set_standings

__all__ = [
    "Contributions",
    "Difference",
    "JointBootstrap",
    "attack_dcs",
    "bootstrap_jointly",
    "dcs_columns",
    "differences",
    "headline_rows",
    "holm",
    "interval_groups",
    "overall_rows",
    "pareto",
    "pareto_tiers",
    "places",
    "set_standings",
    "with_weights",
]

_HOMES = {
    "Contributions": "leaderboard.ranks.joint_bootstrap",
    "Difference": "leaderboard.ranks.paired_tests",
    "JointBootstrap": "leaderboard.ranks.joint_bootstrap",
    "attack_dcs": "leaderboard.ranks.dcs",
    "bootstrap_jointly": "leaderboard.ranks.joint_bootstrap",
    "dcs_columns": "leaderboard.ranks.dcs",
    "differences": "leaderboard.ranks.paired_tests",
    "headline_rows": "leaderboard.ranks.overall",
    "holm": "leaderboard.ranks.paired_tests",
    "interval_groups": "leaderboard.ranks.ranking",
    "overall_rows": "leaderboard.ranks.overall",
    "pareto": "leaderboard.ranks.ranking",
    "pareto_tiers": "leaderboard.ranks.ranking",
    "places": "leaderboard.ranks.ranking",
    "set_standings": "leaderboard.ranks.standings",
    "with_weights": "leaderboard.ranks.ranking",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that a reader of one module does not load them all."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'leaderboard.ranks' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
