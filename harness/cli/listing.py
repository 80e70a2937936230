"""``leakboard list``: names of what there is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from harness.cli.common import JsonOption, emit, say, table

__all__ = ["list_names"]


class Kinds(StrEnum):
    """Kinds of things that can be listed."""

    scenarios = "scenarios"
    attacks = "attacks"
    submissions = "submissions"
    suites = "suites"
    models = "models"


def list_names(
    kind: Annotated[Kinds, typer.Argument(help="What to list.")],
    as_json: JsonOption = False,
) -> None:
    """List the scenarios, attacks, submissions, suites or embedded models."""
    from harness.cli import catalogue
    from harness.plugins import registry

    summaries = catalogue.summaries(kind.value.removesuffix("s"))
    problems = registry.problems()
    if as_json:
        items = [{"name": name, "summary": summary} for name, summary in summaries.items()]
        emit("list/1", {"kind": kind.value, "items": items, "problems": problems})
        return
    table(["name", "what it is"], [[name, summary] for name, summary in summaries.items()])
    for problem in problems:
        say(problem, err=True)
