"""One sentence an entry: whether a tested defense keeps the utility and more privacy than none, with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.score.rules import RANKED_SEEDS
from leaderboard.answers.gains import LEVEL, gains, sound
from leaderboard.answers.numbers import Row, known, measure, system
from leaderboard.ranks.overall import USEFUL

__all__ = ["Verdict", "by_scenario", "verdict", "verdicts"]

Kind = Literal["helps", "unsettled", "nothing", "no leak", "no utility", "untested", "no result"]

_LEAKING_CONTROLS = frozenset({"negative_control_failed", "shadows_void", "isolation_none"})
"""Flags of an undefended row whose leakage cannot be relied on."""


@dataclass(frozen=True)
class Verdict:
    """Answer of the rows of one suite entry together.

    ``helps`` is said only where the gain is significant after correction over all pairs of the entry and the whole
    interval of utility lies at or above the level; ``unsettled`` where the gain is significant, but utility may lie
    below; ``nothing`` where no gain is significant; ``no leak`` where no attack is significantly beyond a blind guess
    undefended, so that nothing can be gained.
    """

    suite: str
    entry: str
    scenario: str
    kind: Kind
    text: str
    condition: str
    """Why the sentence holds with reservation; empty where it holds without."""
    best: tuple[str, int] | None = None
    """The row (submission, operating point) that the sentence is about."""
    ranked: int = 0
    """Defended rows of the entry that have a rank."""
    defenses: int = 0
    seeds: int = 0
    indicative: bool = True


def verdicts(rows: Iterable[Row], pairs: Iterable[Row], least: float = USEFUL) -> list[Verdict]:
    """The verdict of every suite entry among ``rows`` (of ``board``), with the rows of ``pairs``."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["suite"], row["entry"]), []).append(row)
    by_entry: dict[tuple[str, str], list[Row]] = {}
    for pair in pairs:
        by_entry.setdefault((pair["suite"], pair["entry"]), []).append(pair)
    return [verdict(group, by_entry.get(place, []), least) for place, group in grouped.items()]


def by_scenario(every: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Scenario -> its verdicts, first the entry to open: with ranks that count, then with any, then with most defenses.

    Their kind plays no part: the best news must not come first.
    """
    grouped: dict[str, list[Verdict]] = {}
    for item in every:
        grouped.setdefault(item.scenario, []).append(item)
    return {name: sorted(items, key=_precedence) for name, items in sorted(grouped.items())}


def _precedence(item: Verdict) -> tuple[bool, bool, int, int, int, str, str]:
    counts = not item.indicative and item.ranked > 0
    return not counts, not item.ranked, -item.seeds, -item.defenses, -item.ranked, item.entry, item.suite


def verdict(rows: Sequence[Row], pairs: Iterable[Row], least: float = USEFUL) -> Verdict:
    """The verdict of one entry from its rows of ``board`` and ``pairs``; ``least`` is the utility that is asked for."""
    bare = next((row for row in rows if row["submission"] == "none" and int(row["point"]) == 0), None)
    tested = [row for row in rows if row["submission"] != "none" and sound(row)]
    kind, text, best = _said(bare, tested, gains(rows, pairs), least)
    first = bare or rows[0]
    return Verdict(
        suite=first["suite"],
        entry=first["entry"],
        scenario=first["scenario"],
        kind=kind,
        text=text,
        condition=_condition(rows),
        best=None if best is None else (best["submission"], int(best["point"])),
        ranked=sum(row["rank"] is not None for row in rows if row["submission"] != "none"),
        defenses=len({row["submission"] for row in tested}),
        seeds=max((int(row["seeds"] or 0) for row in rows), default=0),
        indicative=bool(first["indicative"]),
    )


def _condition(rows: Sequence[Row]) -> str:
    """One seed, few, or a suite whose ranks do not count: what the intervals do not hold."""
    seeds = max((int(row["seeds"] or 0) for row in rows), default=0)
    if seeds <= 1:
        return "One seed: conditional on it, and no rank counts."
    if seeds < RANKED_SEEDS:
        return f"{seeds} seeds: conditional on them, and no rank counts."
    return "A quick suite, or one that is not installed: ranks are indicative." if rows[0]["indicative"] else ""


Gains = Mapping[tuple[str, str, str, int], Mapping[str, float | None]]


def _said(bare: Row | None, tested: Sequence[Row], gained: Gains, least: float) -> tuple[Kind, str, Row | None]:
    if bare is None or bare["status"] != "ok" or not known(bare["privacy"]) or _LEAKING_CONTROLS & set(bare["flags"]):
        return "no result", "The undefended system has no valid result here, so nothing can be compared with it.", None
    alone = f"the undefended system has privacy {measure(bare, 'privacy')}"
    if not tested:
        return "untested", f"No defense has been measured here; {alone}.", None
    if bare["privacy_high"] is not None and bare["privacy_high"] >= 1:
        start = "No attack gets significantly beyond a blind guess here, even undefended"
        return "no leak", f"{start} (privacy {measure(bare, 'privacy')}), so there is no trade-off to measure.", None
    full = [{**row, **gained.get(_place(row), {})} for row in tested if known(row["utility"])]
    if not full:
        return "no utility", f"Sharing gains too little here for utility to be measured; {alone}.", None
    kept = [row for row in full if row["utility"] >= least]
    winners = [row for row in kept if _significant(row)]
    if not winners:
        return "nothing", _nothing(full, kept, measure(bare, "privacy"), least), None
    best = max(winners, key=lambda row: (_useful(row, least), row["privacy"], row["utility"]))
    none = f"where the undefended system has {measure(bare, 'privacy')}"
    numbers = f"keeps privacy {measure(best, 'privacy')} at utility {measure(best, 'utility')}, {none}"
    gain = f"{measure(best, 'gain', sign=True)} gained"
    if _useful(best, least):
        return "helps", f"Best at utility of at least {least:g}: {system(best)} {numbers}: {gain}.", best
    return "unsettled", f"{system(best)} {numbers}: {gain}, but utility may lie below {least:g}.", best


def _place(row: Row) -> tuple[str, str, str, int]:
    return row["suite"], row["entry"], row["submission"], int(row["point"])


def _significant(row: Row) -> bool:
    low, p = row.get("gain_low"), row.get("gain_p")
    return low is not None and low > 0 and p is not None and p < LEVEL


def _useful(row: Row, least: float) -> bool:
    """Say whether the whole interval of utility lies at or above the level."""
    return known(row["utility_low"]) and bool(row["utility_low"] >= least)


def _nothing(full: Sequence[Row], kept: Sequence[Row], none: str, least: float) -> str:
    """Nothing keeps both: the numbers of what came closest."""
    defenses = len({row["submission"] for row in full})
    among = f"of {len(full)} operating points of {defenses} defense{'s' * (defenses != 1)}"
    start = f"Nothing tested keeps utility of at least {least:g} and more privacy than none: {among}"
    if not kept:
        top = max(full, key=lambda row: row["utility"])
        return (
            f"{start} none does so; the most useful, {system(top)}, has utility {measure(top, 'utility')} and privacy "
            f"{measure(top, 'privacy')}, where the undefended system has {none}."
        )
    top = max(kept, key=lambda row: (row["privacy"], row["utility"]))
    gain = f" ({measure(top, 'gain', sign=True)} gained: not significant)" if known(top.get("gain")) else ""
    return (
        f"{start} {len(kept)} keep{'s' * (len(kept) == 1)} that utility; the most private, {system(top)}, has privacy "
        f"{measure(top, 'privacy')}{gain}, where the undefended system has {none}."
    )
