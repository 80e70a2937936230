"""Scores: from stored per-record results to advantage, leakage, utility, efficiency and PUE.

Computed when ranking and never stored. Void results are typed, nothing is clipped before display, every random
draw comes from the generator passed in, and no result depends on the order of records or attacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.score.combine import WEIGHTS, check_weights, dcs, efficiency, pue, pue_gradient
    from harness.score.exact import clopper_pearson
    from harness.score.leakage import leakage, max_t_null, privacy
    from harness.score.results import (
        Advantage,
        AttackScores,
        Costs,
        Estimate,
        Leakage,
        NullTest,
        RecordScores,
        Void,
    )
    from harness.score.roc import Auc, TprAtFpr
    from harness.score.simultaneous import advantage
    from harness.score.statistic import BalancedAccuracy, Mean, Statistic
    from harness.score.utility import combine_utilities, knockout_excess, mean, utility

__all__ = [
    "WEIGHTS",
    "Advantage",
    "AttackScores",
    "Auc",
    "BalancedAccuracy",
    "Costs",
    "Estimate",
    "Leakage",
    "Mean",
    "NullTest",
    "RecordScores",
    "Statistic",
    "TprAtFpr",
    "Void",
    "advantage",
    "check_weights",
    "clopper_pearson",
    "combine_utilities",
    "dcs",
    "efficiency",
    "knockout_excess",
    "leakage",
    "max_t_null",
    "mean",
    "privacy",
    "pue",
    "pue_gradient",
    "utility",
]

_ROOMS = {
    "harness.score.combine": (
        "WEIGHTS",
        "check_weights",
        "dcs",
        "efficiency",
        "pue",
        "pue_gradient",
    ),
    "harness.score.exact": ("clopper_pearson",),
    "harness.score.leakage": (
        "leakage",
        "max_t_null",
        "privacy",
    ),
    "harness.score.results": (
        "Advantage",
        "AttackScores",
        "Costs",
        "Estimate",
        "Leakage",
        "NullTest",
        "RecordScores",
        "Void",
    ),
    "harness.score.roc": (
        "Auc",
        "TprAtFpr",
    ),
    "harness.score.simultaneous": ("advantage",),
    "harness.score.statistic": (
        "BalancedAccuracy",
        "Mean",
        "Statistic",
    ),
    "harness.score.utility": (
        "combine_utilities",
        "knockout_excess",
        "mean",
        "utility",
    ),
}


def __getattr__(name: str) -> Any:
    """Import on first use: :mod:`harness.score.rules` alone must stay light.

    All names at once, since the functions ``leakage`` and ``utility`` stand in modules of the same names, to which an
    import binds the package's attributes.
    """
    import importlib

    if name not in __all__:
        raise AttributeError(f"module 'harness.score' has no attribute {name!r}")
    for room, names in _ROOMS.items():
        module = importlib.import_module(room)
        globals().update({public: getattr(module, public) for public in names})
    return globals()[name]
