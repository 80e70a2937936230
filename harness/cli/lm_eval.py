"""``leakboard lm-eval``: lm-eval tasks on a split model behind a submission's defense."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import JsonOption, emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evaluation.lm_eval_run import Tried

__all__ = ["lm_eval"]


def lm_eval(
    submission: Annotated[str, typer.Argument(help="Folder of a submission, or the name of one; 'none': undefended.")],
    tasks: Annotated[str, typer.Option(help="Embedded tasks or lm-eval's own (hub:NAME), separated by commas.")],
    limit: Annotated[int, typer.Option(min=1, help="Questions of each task, its first ones.")] = 100,
    point: Annotated[list[int] | None, typer.Option("--point", "-p", help="Operating point; all without.")] = None,
    model: Annotated[str, typer.Option(help="Embedded name, hub name or local folder.")] = "smollm2-135m-instruct",
    cut: Annotated[str, typer.Option(help="Blocks the data party runs first: a number, 25%, 50%, last.")] = "25%",
    topology: Annotated[str, typer.Option(help="head-tail or head-body-tail.")] = "head-tail",
    isolation: Annotated[str, typer.Option(help="sandbox, process, or none for debugging.")] = "process",
    threads: Annotated[int, typer.Option(min=1, help="Threads of each side.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Ask lm-eval's questions of a split model, every forward through a submission's defense: utility alone.

    Likelihoods are computed by the harness from the states that come back. Nothing is attacked and nothing stored.
    """
    from harness.evaluation.lm_eval_run import run_tasks

    names = [name.strip() for name in tasks.split(",") if name.strip()]
    settings = {"model": model, "cut": cut, "topology": topology}
    tried = run_tasks(
        Path(submission) if Path(submission).is_dir() else submission,
        names,
        settings,
        limit=limit,
        points=point or (),
        isolation=isolation,
        threads=threads,
    )
    if as_json:
        emit("lm-eval/1", {"settings": settings, "limit": limit, "rows": [row.shown() for row in tried]})
    else:
        _print(tried)


def _print(tried: Sequence[Tried]) -> None:
    rows: list[list[str]] = []
    for row in tried:
        for task, values in row.results.items():
            for metric, value in values.items():
                if metric in {"sample_len", "sample_count"} or metric.endswith("_stderr"):
                    continue
                spread = values.get(f"{metric}_stderr")
                rows.append(
                    [
                        row.submission,
                        row.label,
                        task,
                        metric,
                        f"{value:.3f}",
                        _optional(spread),
                        f"{row.megabytes:.2f}",
                        f"{row.seconds:.1f}",
                    ]
                )
    columns = ("submission", "point", "task", "metric", "value", "+-", "MB", "seconds")
    table(columns, rows, right=("value", "+-", "MB", "seconds"))


def _optional(value: Any) -> str:
    return "" if value is None else f"{value:.3f}"
