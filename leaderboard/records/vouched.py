"""Reasons to believe collected records, one by one: logs of seals, verifications, and where the records came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from harness.integrity import RowFacts, digest, seal_of, under_seal
from harness.store import CellRecord, Record, RunRecord
from leaderboard.records.collect import Collected

__all__ = ["Vouched", "set_apart"]


@dataclass(frozen=True)
class Vouched:
    """Answers of seals, verifications and stores about the records of one collection."""

    collected: Collected

    @cached_property
    def _logged(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        return {name: seal.logged() for name, seal in self.collected.seals.items()}

    @cached_property
    def _trusted(self) -> Mapping[str, list[int]]:
        """Key -> numbers of the verifications about a record of that key."""
        numbers: dict[str, list[int]] = {}
        for number, verification in enumerate(self.collected.verifications):
            for key in verification.records:
                numbers.setdefault(key, []).append(number)
        return numbers

    def logged(self, run: RunRecord, record: Record) -> bool | None:
        """True where the log of the run's seal has this very record; None where the salt is the public one."""
        seal = seal_of(run.entitlement)
        if seal is None:
            return None
        known = self._logged.get(seal, {}).get(record.key, frozenset())
        return bool(known) and digest(record) in known

    def revealed(self, run: RunRecord) -> bool:
        """True where everybody may know the texts of the run."""
        seal = seal_of(run.entitlement)
        return seal is None or (seal in self.collected.seals and self.collected.seals[seal].salt is not None)

    def about(self, runs: Iterable[RunRecord], cells: Iterable[CellRecord]) -> RowFacts:
        """Facts about the records of one row."""
        runs, cells = list(runs), list(cells)
        by_key = {run.key: run for run in runs}
        logged = {self.logged(run, run) for run in runs}
        logged |= {self.logged(by_key[cell.run_key], cell) for cell in cells if cell.run_key in by_key}
        records: list[Record] = [*runs, *cells]
        return RowFacts(
            contradicted=any(self._contradicted(record) for record in records),
            confirmed=bool(records) and self._confirmed(records),
            logged=None if logged <= {None} else None not in logged and False not in logged,
            taken_over=any(self.taken_over(record) for record in records),
        )

    def _about(self, record: Record, outcome: str) -> list[int]:
        """Numbers of the verifications with this outcome that are about this very record."""
        known = self.collected.verifications
        return [
            number
            for number in self._trusted.get(record.key, ())
            if known[number].outcome == outcome and known[number].records[record.key] == digest(record)
        ]

    def _contradicted(self, record: Record) -> bool:
        known = self.collected.verifications
        return any(record.key in known[number].contradicting for number in self._about(record, "refuted"))

    def _confirmed(self, records: Iterable[Record]) -> bool:
        """True where every record is in a verification without a difference that computed a cell of the row again."""
        covering = {record.key: self._about(record, "verified") for record in records}
        if not all(covering.values()):
            return False
        known = self.collected.verifications
        return any(key in known[number].checked for key, numbers in covering.items() for number in numbers)

    def taken_over(self, record: Record) -> bool:
        """True where a store took this very record over from elsewhere, and nobody vouched for it."""
        noted = self.collected.claimed.get(record.key)
        return noted is not None and noted == digest(record)  # a digest takes time: only of what a note is about


def set_apart(collected: Collected, vouched: Vouched) -> tuple[Collected, int]:
    """The same records with those of every seal in a suite of their own, and those that name a seal whose log lacks
    them in another one; returns also how many records were left out.

    Nobody can put a record among sealed ones who cannot write the seal's log: cells of logged runs that no log has are
    left out. Records that were taken over never stand in for others: a run is left out where there is one of the same
    place that was not taken over, and so is a cell of a run that was not.
    """
    own = {_place(run) for run in collected.runs.values() if not vouched.taken_over(run)}
    runs, cells = dict[str, RunRecord](), dict[str, CellRecord]()
    for key, run in collected.runs.items():
        if vouched.taken_over(run) and _place(run) in own:
            continue
        word = "unlogged" if vouched.logged(run, run) is False else "sealed"
        runs[key] = run.model_copy(update={"suite": under_seal(run.suite, seal_of(run.entitlement), word)})
    for key, cell in collected.cells.items():
        run_of_cell = collected.runs.get(cell.run_key)
        if run_of_cell is None:
            cells[key] = cell
        elif cell.run_key in runs and not _slipped_in(cell, run_of_cell, vouched):
            cells[key] = cell.model_copy(update={"suite": runs[cell.run_key].suite})
    left_out = len(collected.runs) + len(collected.cells) - len(runs) - len(cells)
    return replace(collected, runs=runs, cells=cells), left_out


def _slipped_in(cell: CellRecord, run: RunRecord, vouched: Vouched) -> bool:
    """True where a cell has less to be believed for than the run that it says it is of."""
    if vouched.logged(run, run):
        return not vouched.logged(run, cell)
    return vouched.taken_over(cell) and not vouched.taken_over(run)


def _place(run: RunRecord) -> tuple[str | int | None, ...]:
    seal = seal_of(run.entitlement)
    return run.suite, seal, run.entry, run.submission, run.point, run.seed, run.behaviour
