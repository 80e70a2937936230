"""Reasons to refuse records that come from elsewhere: all of them at once, each with where it is and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.assessment import suite_of
from harness.integrity import seal_of
from harness.plugins import Suite, registered_hashes
from harness.store import CellRecord, Environment, RunRecord
from leaderboard.records.collect import Collected
from leaderboard.records.vouched import Vouched

__all__ = ["refusals"]

_SALTS = ("public", "sealed")
_PLACE = ("suite", "entry", "scenario", "submission", "point", "seed", "behaviour")


def refusals(
    incoming: Collected,
    vouched: Vouched,
    *,
    trusted: bool = False,
    old_suites: bool = False,
    packages: Mapping[str, str] | None = None,
) -> list[str]:
    """Everything that speaks against taking records over.

    Args:
        incoming: the records.
        vouched: seals that are trusted here.
        trusted: they come from a job of one's own; else those of submissions that are registered here, the undefended
            one above all, are refused: everybody can compute their keys, and others are measured against them.
        old_suites: records of suites and versions that are not here are taken, too.
        packages: versions that every run must have been made with, as a lock states them.
    """
    problems = [problem for run in incoming.runs.values() for problem in _of_run(run, vouched, packages)]
    problems += [problem for cell in incoming.cells.values() for problem in _of_cell(cell, incoming.runs, vouched)]
    if not trusted:
        problems += _of_registered(incoming.runs.values())
    if not old_suites:
        problems += _of_suites(incoming.runs.values())
    return list(dict.fromkeys(problems))


def _of_registered(runs: Iterable[RunRecord]) -> Iterator[str]:
    registered = registered_hashes()
    for run in runs:
        if run.submission in registered:
            yield (
                f"{run.suite}: records of {run.submission}, which is registered here, are not taken from elsewhere: "
                "compute them here, or say --trusted if they are yours"
            )


def _of_suites(runs: Iterable[RunRecord]) -> Iterator[str]:
    known: dict[str, Suite | None] = {}
    for run in runs:
        if run.suite not in known:
            known[run.suite] = suite_of(run.suite)
        suite = known[run.suite]
        if suite is None:
            yield f"suite {run.suite} is not here in that version: recompute, or take it over with --old-suites"
            continue
        entry = next((entry for entry in suite.entries if entry.name == run.entry), None)
        if entry is None or entry.scenario != run.scenario:
            yield f"suite {run.suite} has no entry {run.entry} of scenario {run.scenario}: these are other records"
        elif run.seed not in entry.seeds:
            yield f"{run.suite} {run.entry}: seed {run.seed} is none of the suite's: these are other records"


def _of_run(run: RunRecord, vouched: Vouched, packages: Mapping[str, str] | None) -> Iterator[str]:
    where = f"run {run.key} ({run.suite} {run.entry}, {run.submission} point {run.point}, seed {run.seed})"
    salt = run.entitlement.get("salt", "public")
    if salt not in _SALTS or bool(seal_of(run.entitlement)) != (salt == "sealed"):
        seal = run.entitlement.get("seal")
        yield f"{where}: salt {salt!r} with seal {seal!r}; it is public, or sealed under a named seal"
    elif vouched.logged(run, run) is False:
        yield f"{where}: {_seal_words(run, vouched)}"
    if (run.isolation == "sandbox") != bool(run.environment.sandbox):
        yield f"{where}: isolation {run.isolation!r}, but sandbox {run.environment.sandbox!r}: altered"
    yield from (f"{where}: {problem}" for problem in _of_environment(run.environment, packages))


def _seal_words(run: RunRecord, vouched: Vouched) -> str:
    seal = seal_of(run.entitlement) or ""
    if seal not in vouched.collected.seals:
        return f"its seal {seal[:8]} is not known here; name the folder with its log, with --trusted if it is yours"
    return f"the log of its seal {seal[:8]} does not have it: it was altered, or is of no official run"


def _of_environment(recorded: Environment, packages: Mapping[str, str] | None) -> Iterator[str]:
    for name, version in (packages or {}).items():
        if name in recorded.packages and recorded.packages[name] != version:
            yield f"made with {name} {recorded.packages[name]}, the lock has {version}: recompute with that"


def _of_cell(cell: CellRecord, runs: Mapping[str, RunRecord], vouched: Vouched) -> Iterator[str]:
    where = f"cell {cell.key} ({cell.suite} {cell.entry}, {cell.submission} point {cell.point}, {cell.name})"
    run = runs.get(cell.run_key) or vouched.collected.runs.get(cell.run_key)
    if run is None:
        yield f"{where}: its run {cell.run_key} is neither here nor in the store; send runs with their cells"
        return
    if fields := [name for name in _PLACE if getattr(cell, name) != getattr(run, name)]:
        yield f"{where}: differs from its run in {', '.join(fields)}: altered"
    if vouched.logged(run, run) and not vouched.logged(run, cell):
        yield f"{where}: the log of its run's seal does not have it: it was altered, or is of no official run"
