"""Leaks of the undefended system: of each scenario and adversary the strongest attack, beside its blind floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaderboard.answers.numbers import Row, known

__all__ = ["Leak", "undefended_leaks"]


@dataclass(frozen=True)
class Leak:
    """The strongest attack of one adversary on the undefended system, in the attack's own metric."""

    scenario: str
    adversary: str
    suite: str
    entry: str
    attack: str
    variant: str
    secret: str
    metric: str
    value: float
    ends: tuple[float, float] | None
    floor: float
    advantage: float
    advantage_low: float | None
    n: int

    @property
    def significant(self) -> bool:
        """True where the interval of the advantage, which holds for all attacks at once, lies above zero."""
        return self.advantage_low is not None and self.advantage_low > 0


def undefended_leaks(attacks: Iterable[Row], board: Iterable[Row]) -> list[Leak]:
    """One leak per scenario and adversary, of the entry whose ranks count most.

    Args:
        attacks: rows of ``attacks``; only those of the undefended system that can set its leakage are used.
        board: rows of ``board``, for scenarios and seeds.
    """
    entries = {(row["suite"], row["entry"]): row for row in board if row["submission"] == "none"}
    groups: dict[tuple[str, str], dict[tuple[str, str], list[Row]]] = {}
    for row in attacks:
        place = row["suite"], row["entry"]
        if row["submission"] != "none" or not row["counts"] or row["aggregate"] or not known(row["advantage"]):
            continue
        if place in entries and known(row["value"]) and known(row["floor"]):
            key = entries[place]["scenario"], row["coalition"] or "server"
            groups.setdefault(key, {}).setdefault(place, []).append(row)
    leaks = []
    for (scenario, adversary), places in sorted(groups.items()):
        place = min(places, key=lambda at: _precedence(entries[at], places[at]))
        leaks.append(_leak(scenario, adversary, max(places[place], key=lambda row: (row["advantage"], row["attack"]))))
    return leaks


def _precedence(bare: Row, rows: Sequence[Row]) -> tuple[bool, bool, int, int, str]:
    """Entries whose ranks count first, then those with a utility, then with more seeds, then with more records."""
    return (
        bool(bare["indicative"]),
        not known(bare["utility"]),
        -int(bare["seeds"] or 0),
        -max(int(row["n"] or 0) for row in rows),
        bare["entry"],
    )


def _leak(scenario: str, adversary: str, row: Row) -> Leak:
    low, high = row["value_low"], row["value_high"]
    return Leak(
        scenario=scenario,
        adversary=adversary,
        suite=row["suite"],
        entry=row["entry"],
        attack=row["attack"],
        variant=row["variant"] or "",
        secret=row["secret"] or "",
        metric=row["metric"] or "",
        value=float(row["value"]),
        ends=(float(low), float(high)) if known(low) and known(high) else None,
        floor=float(row["floor"]),
        advantage=float(row["advantage"]),
        advantage_low=float(row["advantage_low"]) if known(row["advantage_low"]) else None,
        n=int(row["n"] or 0),
    )
