"""``leakboard check``: does a submission keep the contract?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, emit

__all__ = ["check"]


def check(
    submission: Annotated[str, typer.Argument(help="Folder of a submission, or the name of one.")],
    as_json: JsonOption = False,
) -> None:
    """Check a submission's manifest, source and behaviour on a tiny random model; reports all problems.

    Exit code 1 when there are problems.
    """
    from harness.evaluation.contract_check import check as find_problems

    problems = find_problems(_folder(submission))
    if as_json:
        emit("check/1", {"submission": submission, "problems": problems})
    elif problems:
        typer.echo(f"{submission}: {len(problems)} problem(s)")
        for problem in problems:
            typer.echo(f"  - {problem}")
    else:
        typer.echo(f"{submission}: no problems")
    if problems:
        raise typer.Exit(1)


def _folder(submission: str) -> Path:
    """A folder is checked even where it lacks its manifest: that is then the problem to report."""
    from harness.plugins.registry import find_submission

    path = Path(submission)
    return path if path.is_dir() else find_submission(submission)
