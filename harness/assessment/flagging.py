"""Finding the flags of a row that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.assessment.flags import FEW, MANY, Flag
from harness.assessment.results import Assessment, AttackResult
from harness.score.rules import RANKED_SEEDS, UTILITY_FLOOR

__all__ = ["attack_flags", "row_flags"]

FAR_BELOW = 0.4
"""Largest AUC that is flagged, if it lies below one half beyond noise."""

_OF_LEAKAGE = frozenset({"not_cross_fitted", "one_class", "few_nonmembers"})
"""Flags of a leakage that are flags of its row."""
_OF_FACTS = (
    "randomised",
    "constant_message",
    "unverified_law",
    "differs_in_simulation",
    "pooled_state",
    "irreproducible",
    "control_error",
)
"""Facts of cells that are flags of their row."""


def row_flags(row: Assessment) -> Iterator[Flag]:
    """Flags of the whole row."""
    name, apart, source = row.submission.partition("@")
    if apart:
        yield Flag("reserved_name", f"source {source} is not that of the registered {name}")
    if any(run.isolation == "none" for run in row.runs):
        yield Flag("isolation_none")
    if row.seeds < RANKED_SEEDS and not row.indicative:
        yield Flag("few_seeds", f"{row.seeds} of {RANKED_SEEDS}")
    if row.leakage is not None and row.leakage.void is None:
        yield from _sizes(row)
    for text in row.leakage.flags if row.leakage else ():
        name, _, detail = text.partition(":")
        if name in _OF_LEAKAGE:
            yield Flag(name, detail)
    if row.utility is not None:
        if row.utility.void is None and row.utility.low < UTILITY_FLOOR:
            yield Flag("below_floor", f"{row.utility.value:.2f}, at least {row.utility.low:.2f}")
        if row.utility.void is not None:
            yield Flag("no_gain", row.utility.void)
        yield from (Flag("void_tasks") for flag in row.utility.flags if flag.startswith("void_tasks"))
    yield from (Flag(name) for name in _OF_FACTS if row.row.facts.get(name))


def _sizes(row: Assessment) -> Iterator[Flag]:
    n = max((a.n for a in row.attacks if a.counts and not a.aggregate), default=0)
    best = max((a.advantage.score for a in row.attacks if a.counts and a.advantage and not a.aggregate), default=0.0)
    if n < FEW or (n < MANY and best == 0.0):
        yield Flag("small_n", f"{n} scored records")


def attack_flags(results: Sequence[AttackResult], undefended: Sequence[AttackResult]) -> list[AttackResult]:
    """The results of a row with their flags; ``undefended`` are those of the undefended row."""
    return [replace(result, flags=(*result.flags, *_of_attack(result, results, undefended))) for result in results]


def _of_attack(
    result: AttackResult, results: Sequence[AttackResult], undefended: Sequence[AttackResult]
) -> Iterator[Flag]:
    advantage = result.advantage
    if advantage is None or result.status != "ok":
        return
    title = f"{advantage.name} on {result.metric}"
    if result.metric.endswith("AUC") and advantage.score < FAR_BELOW and advantage.score_high < 0.5:
        yield Flag("auc_below_half", f"{title}: {advantage.score:.2f}")
    others = [r for r in results if r.metric == result.metric and r.advantage and r.status == "ok" and r is not result]
    if result.series.variant == "adaptive" and any(_plain(o, result) and _above(o, result) for o in others):
        yield Flag("adaptive_weaker", title)
    if not result.counts:
        return
    if advantage.high < 0 and all(o.advantage is not None and o.advantage.high < 0 for o in others):
        yield Flag("weak_beats_strong", f"{advantage.blind} beats {title}")
    weaker = {r.series.name for r in undefended if _beaten_undefended(r, result, undefended)}
    beating = [o for o in others if o.series.name in weaker and _same_knowledge(o, result) and _above(o, result)]
    yield from (Flag("weak_beats_strong", f"{o.series.name} beats {title}") for o in beating)


def _plain(other: AttackResult, adaptive: AttackResult) -> bool:
    same = (other.series.name, other.series.coalition) == (adaptive.series.name, adaptive.series.coalition)
    return same and other.series.variant == "oblivious"


def _same_knowledge(a: AttackResult, b: AttackResult) -> bool:
    return (a.series.variant, a.series.coalition) == (b.series.variant, b.series.coalition)


def _above(a: AttackResult, b: AttackResult) -> bool:
    """True where a's interval lies wholly above b's."""
    return a.advantage is not None and b.advantage is not None and a.advantage.low > b.advantage.high


def _beaten_undefended(weak: AttackResult, strong: AttackResult, undefended: Sequence[AttackResult]) -> bool:
    """True where, undefended, the attack of ``strong`` is beyond noise better than ``weak`` on the same metric."""
    if weak.metric != strong.metric or weak.series.name == strong.series.name or not _same_knowledge(weak, strong):
        return False
    same_undefended = [r for r in undefended if r.series.name == strong.series.name and r.metric == strong.metric]
    return any(_same_knowledge(bare, strong) and _above(bare, weak) for bare in same_undefended)
