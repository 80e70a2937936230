"""Defenses worth a choice: of one entry, those that fit a wish and that no other one beats, each with a reason.

The undefended system is a choice like any other: where nothing helps, it is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.assessment import FLAGS, UNRANKED
from leaderboard.answers.gains import gains, sound
from leaderboard.answers.numbers import Row, known, listed, measure, number, system
from leaderboard.ranks.overall import USEFUL
from leaderboard.ranks.ranking import NOISE

__all__ = ["COSTS", "Choice", "Option", "Wish", "choose", "seen_by"]

COSTS: Mapping[str, str] = {"bytes": "bytes", "flops": "FLOPs", "peak_memory": "memory"}
"""Column of a cost that a budget can be set for -> its word."""


@dataclass(frozen=True)
class Wish:
    """Least utility, and for each cost the largest multiple of the undefended system's that is allowed."""

    least: float = USEFUL
    budgets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """A row of the board that fits and is not beaten, and why it stands there."""

    row: Row
    factors: Mapping[str, float]
    """Cost -> multiple of the undefended system's."""
    why: str
    sure: bool
    """True where the whole interval of utility lies at or above the wish."""


@dataclass(frozen=True)
class Choice:
    """Options, most private first, and of every other row (submission, operating point) why it is none."""

    options: tuple[Option, ...]
    left_out: Mapping[tuple[str, int], str]


def seen_by(rows: Iterable[Row], attacks: Iterable[Row], adversary: str) -> list[Row]:
    """The rows with the privacy that one adversary leaves: one minus its strongest attack that counts.

    Unlike the board's privacy it is not cross-fitted, so it flatters the attacker where several attacks are close.
    Rows that this adversary has no result on are left out.
    """
    strongest: dict[tuple[str, int], Row] = {}
    ends: dict[tuple[str, int], tuple[float, float]] = {}
    for attack in attacks:
        its = (attack["coalition"] or "server") == adversary and attack["counts"] and not attack["aggregate"]
        if not its or not known(attack["advantage"]):
            continue
        place = attack["submission"], int(attack["point"])
        if place not in strongest or attack["advantage"] > strongest[place]["advantage"]:
            strongest[place] = attack
        low, high = (attack[f"advantage_{end}"] for end in ("low", "high"))
        if known(low) and known(high):
            most = ends.get(place, (low, high))
            ends[place] = max(most[0], low), max(most[1], high)
    return [_by(row, strongest[_name(row)], ends.get(_name(row))) for row in rows if _name(row) in strongest]


def _by(row: Row, attack: Row, ends: tuple[float, float] | None) -> Row:
    low, high = (None, None) if ends is None else (_privacy(ends[1]), _privacy(ends[0]))
    name = f"{attack['attack']} {attack['variant'] or ''}".strip()
    numbers = {"privacy": _privacy(attack["advantage"]), "privacy_low": low, "privacy_high": high}
    return {**row, **numbers, "strongest": name}


def _privacy(advantage: float) -> float:
    return min(1.0, max(0.0, 1.0 - advantage))


def choose(rows: Sequence[Row], pairs: Iterable[Row], wish: Wish) -> Choice:
    """Options of one entry: rows that fit the wish and are not beaten.

    A row is beaten by one that is significantly better in privacy or utility (intervals apart), not significantly
    worse in the other, and in no cost dearer by more than noise. Rows whose numbers do not hold are never an option.
    """
    bare = next((row for row in rows if row["submission"] == "none" and int(row["point"]) == 0), None)
    gained = gains(rows, pairs)
    left_out: dict[tuple[str, int], str] = {}
    fitting: list[Row] = []
    for row in rows:
        if why := _unfit(row, bare, wish):
            left_out[_name(row)] = why
        else:
            fitting.append({**row, **gained.get((row["suite"], row["entry"], *_name(row)), {})})
    kept = []
    for row in fitting:
        better = next((other for other in fitting if _beats(other, row)), None)
        if better is None:
            kept.append(row)
        else:
            left_out[_name(row)] = f"{system(better)} is significantly better and no dearer"
    kept.sort(key=lambda row: (-row["privacy"], -row["utility"], row["submission"]))
    return Choice(tuple(_option(row, kept, bare, wish) for row in kept), left_out)


def _name(row: Row) -> tuple[str, int]:
    return row["submission"], int(row["point"])


def _unfit(row: Row, bare: Row | None, wish: Wish) -> str:
    """The reason that a row does not fit; empty where it does."""
    if not sound(row):
        flags = sorted((UNRANKED - {"below_floor"}) & set(row["flags"]))
        return "its numbers do not hold: " + (
            ", ".join(FLAGS[flag][0] for flag in flags) or str(row["reason"] or row["status"])
        )
    if not known(row["privacy"]) or not known(row["utility"]):
        return "no privacy or no utility could be measured"
    if row["utility"] < wish.least:
        return f"utility {measure(row, 'utility')} is below {wish.least:g}"
    factors = _factors(row, bare)
    over = [
        f"{number(factors[name], 1)} times the {COSTS[name]}"
        for name, most in wish.budgets.items()
        if factors.get(name, 0) > most
    ]
    return f"it needs {listed(over)} of the undefended system" if over else ""


def _factors(row: Row, bare: Row | None) -> dict[str, float]:
    if bare is None:
        return {}
    return {name: row[name] / bare[name] for name in COSTS if known(row[name]) and known(bare[name]) and bare[name]}


def _beats(a: Row, b: Row) -> bool:
    if any(known(a[name]) and known(b[name]) and a[name] > b[name] * (1 + NOISE) for name in COSTS):
        return False
    better = _apart(a, b, "privacy") or _apart(a, b, "utility")
    return better and not _apart(b, a, "privacy") and not _apart(b, a, "utility")


def _apart(a: Row, b: Row, name: str) -> bool:
    """Say whether the interval of ``a`` lies above that of ``b``."""
    return known(a[f"{name}_low"]) and known(b[f"{name}_high"]) and bool(a[f"{name}_low"] > b[f"{name}_high"])


def _option(row: Row, kept: Sequence[Row], bare: Row | None, wish: Wish) -> Option:
    factors = _factors(row, bare)
    sure = known(row["utility_low"]) and bool(row["utility_low"] >= wish.least)
    return Option(row, factors, _why(row, kept, sure, wish), sure)


def _why(row: Row, kept: Sequence[Row], sure: bool, wish: Wish) -> str:
    best = [
        word
        for word, name in (("private", "privacy"), ("useful", "utility"), ("efficient", "efficiency"))
        if known(row[name]) and row[name] >= max(other[name] for other in kept if known(other[name]))
    ]
    reasons = [f"most {listed(best)} of what fits" if best else "beaten by nothing that fits"]
    if row["submission"] == "none":
        reasons.append("the undefended system itself")
    elif known(row.get("gain")):
        low, high = row.get("gain_low"), row.get("gain_high")
        weak = "" if known(low) and known(high) and (low > 0 or high < 0) else ", which is not significant"
        reasons.append(f"{measure(row, 'gain', sign=True)} privacy over none{weak}")
    if not sure:
        reasons.append(f"utility may lie below {wish.least:g}")
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}."
