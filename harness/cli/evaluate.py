"""``leakboard evaluate``: run a submission through a suite."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, console, emit, say, store_path

if TYPE_CHECKING:
    from harness.assessment.report import Report

__all__ = ["ISOLATION", "Isolation", "evaluate", "print_report"]


ISOLATION = "sandbox: in a confined worker, for code of strangers; process: in a plain one; none: here, for debugging."


class Isolation(StrEnum):
    """The place in which the private parties run."""

    sandbox = "sandbox"
    process = "process"
    none = "none"


def evaluate(
    submission: Annotated[str, typer.Argument(help="Folder of a submission, or the name of one.")],
    suite: Annotated[
        str | None,
        typer.Option(help="Name of a suite, or a .toml file; by default the quick one of the scenario, or quick."),
    ] = None,
    store: StoreOption = None,
    scenario: Annotated[str | None, typer.Option(help="Only the suite's entries of this scenario.")] = None,
    point: Annotated[list[int] | None, typer.Option(help="Only this operating point (repeat for more).")] = None,
    isolation: Annotated[Isolation, typer.Option(help=ISOLATION)] = (Isolation.process),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs worked on at a time; by default as many as there are cores.")
    ] = None,
    shipped: Annotated[
        bool,
        typer.Option("--shipped/--fresh", help="Take undefended results from those shipped, or compute them."),
    ] = True,
    seal: Annotated[
        Path | None, typer.Option(help="A revealed seal: compute again what was run under its salt.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Attack a defense, score its utility and costs, and store everything.

    Cells that the store already has are not computed again; after an interruption the same command goes on
    with the first missing cell.
    """
    from harness.cli.reporter import make_reporter
    from harness.evaluation.evaluate import evaluate as run
    from harness.evaluation.official import revealed_salt
    from harness.util.seeds import PUBLIC_SALT

    path = store_path(store)
    salt = PUBLIC_SALT if seal is None else revealed_salt(seal)
    reporter = make_reporter(console(stderr=True), plain=as_json)
    try:
        with reporter as progress:
            report = run(
                submission,
                suite,
                path,
                scenario=scenario,
                points=point,
                isolation=isolation.value,
                progress=progress,
                salt=salt,
                jobs=jobs,
                shipped=shipped,
            )
    except KeyboardInterrupt:
        say("interrupted; finished cells are stored, the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    print_report(report, as_json)
    if all(row.status == "error" for row in report.rows):
        raise typer.Exit(1)


def print_report(report: Report, as_json: bool) -> None:
    """Print the rows of an evaluation, as a table or in JSON."""
    from harness.cli import rows

    if as_json:
        content = {"suite": report.suite, "store": report.store.absolute(), "computed": report.computed}
        content |= {"reused": report.reused, "seconds": report.seconds, "rows": rows.as_json(report.rows)}
        emit("evaluation/1", content)
        return
    name = report.rows[0].submission if report.rows else ""
    rows.print_rows(report.rows, title=f"{name} on {report.suite}")
    counts = f"{report.computed} cells computed, {report.reused} reused, {report.seconds:.1f} s"
    console().print(f"{counts}; stored in {report.store}", soft_wrap=True)
