"""Drawing and tables of the scenario page, from the scenario's card, its suite entries and the undefended runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from leaderboard.app.content.runs import parsed
from leaderboard.app.drawing.protocol import Arrow, Lane, protocol_svg
from leaderboard.app.drawing.sequence import sequence_svg
from leaderboard.app.source import frame

__all__ = ["drawings", "entries_of", "entry_table", "size_text"]


def entries_of(suite: str, scenario: str) -> list[dict[str, Any]]:
    """The suite's entries that run the scenario; without the suite's file, those that have results."""
    cards = frame("suites")
    listed = [entry for text in cards.loc[cards["suite"] == suite, "entries"] for entry in parsed(text) or []]
    declared = [entry for entry in listed if entry.get("scenario") == scenario]
    rows = frame("board", suite=suite, scenario=scenario)
    return declared or [{"name": name} for name in sorted(rows["entry"].unique())]


def entry_table(entries: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per entry: model, data, what the adversary is given, seeds, attacks."""
    return pd.DataFrame(
        {
            "Entry": [entry["name"] for entry in entries],
            "Model": [str((entry.get("settings") or {}).get("model", "n/a")) for entry in entries],
            "Data": [str((entry.get("settings") or {}).get("data", "n/a")) for entry in entries],
            "Adversary is given": [_flat(entry.get("entitlement")) for entry in entries],
            "Seeds": [len(entry.get("seeds") or []) for entry in entries],
            "Attacks": [", ".join(_attacks(entry)) for entry in entries],
        }
    )


def drawings(
    card: Mapping[str, Any], coalition: str, entries: list[dict[str, Any]], runs: pd.DataFrame
) -> dict[str, str]:
    """Variant of the protocol -> its drawing as SVG, of the variants that the entries run; without steps one drawing,
    made from what attacks read.
    """
    steps = parsed(card["steps"]) or {}
    wanted = dict.fromkeys((entry.get("settings") or {}).get(card["steps_by"], "") for entry in entries)
    drawable = {variant: steps[variant] for variant in wanted if variant in steps} or dict(list(steps.items())[:1])
    drawn = {variant: sequence_svg(rows, coalition) for variant, rows in drawable.items()}
    return drawn or {"": _two_sided(card, coalition, entries, runs)}


def _two_sided(card: Mapping[str, Any], coalition: str, entries: list[dict[str, Any]], runs: pd.DataFrame) -> str:
    """The private parties on the left and ``coalition`` on the right."""
    secrets = [name for name in parsed(card["secrets"]) or {} if not name.endswith("planted")]
    sees = (parsed(card["coalitions"]) or {}).get(coalition, "")
    private = Lane("Private parties", ("own the records", "run the defense on every message that leaves"))
    wants = (f"sees {sees}", f"wants {', '.join(secrets)}")
    return protocol_svg(private, Lane(coalition.replace("_", " "), wants, curious=True), _arrows(entries, runs))


def _arrows(entries: list[dict[str, Any]], runs: pd.DataFrame) -> list[Arrow]:
    """One arrow per message kind that the entries' attacks read, then the replies with what a run costs."""
    cards = frame("attack_cards")
    reads = dict(zip(cards["attack"], cards["reads"], strict=True))
    kinds = {kind for entry in entries for name in _attacks(entry) for kind in reads.get(name, ())}
    arrows = [Arrow(kind.replace("_", " ").lower(), "through the defense") for kind in sorted(kinds) or ["messages"]]
    bare = runs[(runs["submission"] == "none") & (runs["behaviour"] == "honest")]
    if bare.empty:
        return [*arrows, Arrow("answers", "", up=False)]
    trips, size = bare["round_trips"].mean(), bare["bytes"].mean()
    return [*arrows, Arrow("answers", f"{trips:,.0f} round trips, {size_text(size)} a run", up=False)]


def _attacks(entry: Mapping[str, Any]) -> list[str]:
    return [attack["name"] for attack in entry.get("attacks") or []]


def _flat(values: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items()) or "n/a"


def size_text(size: float) -> str:
    """Bytes with a unit: ``1.4 MB``."""
    if not math.isfinite(size):
        return "n/a"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
