"""``leakboard results``: the latest rows of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, emit, say, store_path

__all__ = ["results"]


def results(
    submission: Annotated[list[str] | None, typer.Argument(help="Only these submissions; by default all.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest results of every submission, operating point and suite entry."""
    from harness.assessment.report import result_rows
    from harness.cli import rows
    from harness.store import Store

    path = store_path(store)
    with Store.open(path, read_only=True) as opened:
        assessed = result_rows(opened, submissions=submission or ())
    if as_json:
        emit("results/1", {"store": path.absolute(), "rows": rows.as_json(assessed)})
        return
    if not assessed:
        say(f"no results in {path}; `leakboard evaluate` makes some")
    for suite in dict.fromkeys(row.suite for row in assessed):
        rows.print_rows([row for row in assessed if row.suite == suite], title=suite, submissions=True)
