"""Finding what is odd about a row: the flags of harness.assessment.flags that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.assessment.flags import Flag

if TYPE_CHECKING:
    from harness.assessment.assess import Assessment, AttackResult

__all__ = ["attack_flags", "row_flags"]

MANY = 300
"""Records from which on a recovery rate of none is a statement (upper bound 1 %)."""
FEW = 30
"""Records below which nothing much can be said."""
RANKED_SEEDS = 5
FAR_BELOW = 0.4
"""AUC from which on downwards one is told, if it is below one half beyond noise."""
UTILITY_FLOOR = 0.5
"""Utility below which a row is listed but neither ranked nor on the front: sending noise must not win."""

_TOLD = {"not_cross_fitted": "not_cross_fitted", "one_class": "one_class", "few_nonmembers": "few_nonmembers"}
_FACTS = ("randomised", "constant_message", "unverified_law", "differs_in_simulation")
"""Facts of cells that are flags of their row."""


def row_flags(row: Assessment) -> Iterator[Flag]:
    """Flags of the whole row."""
    if any(run["isolation"] == "none" for run in row.runs):
        yield Flag("isolation_none")
    seeds = len({run["seed"] for run in row.runs})
    if seeds < RANKED_SEEDS and not row.indicative:
        yield Flag("few_seeds", f"{seeds} of {RANKED_SEEDS}")
    if row.leakage is not None and row.leakage.void is None:
        yield from _sizes(row)
    for told in row.leakage.flags if row.leakage else ():
        name, _, detail = told.partition(":")
        if name in _TOLD:
            yield Flag(_TOLD[name], detail)
    if row.utility is not None:
        if row.utility.void is None and row.utility.value < UTILITY_FLOOR:
            yield Flag("below_floor", f"{row.utility.value:.2f}")
        if row.utility.void is not None:
            yield Flag("no_gain", row.utility.void)
        yield from (Flag("void_tasks") for flag in row.utility.flags if flag.startswith("void_tasks"))
    facts = row.ledger.facts(row.submission, row.point)
    yield from (Flag(name) for name in _FACTS if facts.get(name))


def _sizes(row: Assessment) -> Iterator[Flag]:
    n = max((a.n for a in row.attacks if a.counts and not a.aggregate), default=0)
    best = max((a.advantage.score for a in row.attacks if a.counts and a.advantage and not a.aggregate), default=0.0)
    if n < FEW or (n < MANY and best == 0.0):
        yield Flag("small_n", f"{n} scored records")


def attack_flags(mine: Sequence[AttackResult], bare: Sequence[AttackResult]) -> list[AttackResult]:
    """The results of a row with their flags; ``bare`` are those of the undefended system."""
    return [replace(result, flags=(*result.flags, *_of_attack(result, mine, bare))) for result in mine]


def _of_attack(result: AttackResult, mine: Sequence[AttackResult], bare: Sequence[AttackResult]) -> Iterator[Flag]:
    found = result.advantage
    if found is None or result.status != "ok":
        return
    title = f"{found.name} on {result.metric}"
    if result.metric.endswith("AUC") and found.score < FAR_BELOW and found.score_high < 0.5:
        yield Flag("auc_below_half", f"{title}: {found.score:.2f}")
    others = [r for r in mine if r.metric == result.metric and r.advantage and r.status == "ok" and r is not result]
    if result.series.variant == "adaptive" and any(_plain(o, result) and _above(o, result) for o in others):
        yield Flag("adaptive_weaker", title)
    if not result.counts:
        return
    if found.high < 0 and all(o.advantage is not None and o.advantage.high < 0 for o in others):
        yield Flag("weak_beats_strong", f"{found.blind} beats {title}")
    weaker = {r.series.name for r in bare if _beaten_undefended(r, result, bare)}
    beating = [o for o in others if o.series.name in weaker and _same_knowledge(o, result) and _above(o, result)]
    yield from (Flag("weak_beats_strong", f"{o.series.name} beats {title}") for o in beating)


def _plain(other: AttackResult, adaptive: AttackResult) -> bool:
    same = (other.series.name, other.series.coalition) == (adaptive.series.name, adaptive.series.coalition)
    return same and other.series.variant == "oblivious"


def _same_knowledge(a: AttackResult, b: AttackResult) -> bool:
    return (a.series.variant, a.series.coalition) == (b.series.variant, b.series.coalition)


def _above(a: AttackResult, b: AttackResult) -> bool:
    """Whether a's interval lies wholly above b's."""
    return a.advantage is not None and b.advantage is not None and a.advantage.low > b.advantage.high


def _beaten_undefended(weak: AttackResult, strong: AttackResult, bare: Sequence[AttackResult]) -> bool:
    """Whether, undefended, the attack of ``strong`` is beyond noise better than ``weak`` on the same metric."""
    if weak.metric != strong.metric or weak.series.name == strong.series.name or not _same_knowledge(weak, strong):
        return False
    twins = [r for r in bare if r.series.name == strong.series.name and r.metric == strong.metric]
    return any(_same_knowledge(twin, strong) and _above(twin, weak) for twin in twins)
