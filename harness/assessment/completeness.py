"""Results that a row lacks and the undefended system has: what failed through a submission's doing relieves nobody.

The submission is all that the two rows do not share. So an attack that has a result without it and none with it failed
because of it, whatever the error says: it raised, hung, refused, or sent what nobody can read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.assessment.flags import Flag
from harness.assessment.results import EntryResults, RowResults
from harness.assessment.series import Series

__all__ = ["lacking", "prevented"]

Kind = tuple[str, str, str, str, str]


def prevented(row: RowResults, entry: EntryResults, void: Collection[tuple[str, str, str]]) -> list[Flag]:
    """A flag for each attack that failed at some seed on the row and ended well at all seeds of the undefended system.

    Attacks ``void`` by their control (attack, secret, coalition) have no result to lose.
    """
    own = {_kind(series): series for series in row.attacks}
    pairs = [(own.get(_kind(bare)), bare) for bare in _ended_well(entry.undefended.attacks) if bare.about not in void]
    return [
        Flag("attack_prevented", f"{_title(bare)} ({series.reason or series.status})")
        for series, bare in pairs
        if series is not None and series.status != "ok"
    ]


def lacking(row: RowResults, entry: EntryResults) -> list[Flag]:
    """Flags for attacks and utility tasks that miss seeds of the row, and for its controls that have no result."""
    seeds = {run.seed for run in row.runs if run.status == "ok"}
    bare, flags = entry.undefended, []
    for kind, own, theirs in (("", row.attacks, bare.attacks), ("utility ", row.tasks, bare.tasks)):
        there = {_kind(series): series for series in own}
        for series in _ended_well(theirs):
            present = there.get(_kind(series))
            wanted = seeds & _seeds(series)
            if present is None or (present.status == "ok" and wanted - _seeds(present)):
                flags.append(Flag("partial", f"{kind}{_title(series)}"))
            elif kind and present.status != "ok":
                flags.append(Flag("partial", f"{kind}{_title(series)} ({present.reason or present.status})"))
    ran = {_kind(series) for series in row.knockout if series.status == "ok"}
    swapped = [series for series in _ended_well(bare.knockout) if _kind(series) not in ran]
    flags += [Flag("control_missing", f"{series.name} with swapped answers") for series in swapped]
    failed = [series for series in row.controls if series.status == "error"]
    return flags + [Flag("control_missing", f"{series.name} ({series.reason})") for series in failed]


def _ended_well(series: Sequence[Series]) -> list[Series]:
    return [part for part in series if part.status == "ok"]


def _kind(series: Series) -> Kind:
    return series.name, series.variant, series.secret, series.coalition, series.behaviour


def _title(series: Series) -> str:
    return " ".join(part for part in (series.name, series.variant, series.secret) if part)


def _seeds(series: Series) -> set[int]:
    return {seed for seeds in series.scores.values() for seed in seeds}
