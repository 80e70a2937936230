"""Puts the verbs together, and turns every error that leakboard raises on purpose into one message and exit code 2."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from harness.cli import check, doctor, environment, evaluate, listing, lm_eval, new, official, results, show
from harness.cli.common import say
from harness.cli.plugins import add_commands
from harness.errors import LeakboardError

__all__ = ["app", "main"]

_QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",  # harness and worker compute in turns; spinning threads would take the other's core
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "THP_MEM_ALLOC_ENABLE": "1",  # torch asks for huge pages: a tenth of the time went into page faults
    "TOKENIZERS_PARALLELISM": "false",
}
"""Read by libraries when they are imported, so set before anything heavy is."""

app = typer.Typer(
    name="leakboard",
    help="How much does a federated language-model system leak? Evaluate defenses, look at results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("evaluate")(evaluate.evaluate)
app.command("results")(results.results)
app.command("list")(listing.list_names)
app.command("show")(show.show)
app.command("new")(new.new)
app.command("check")(check.check)
app.command("lm-eval")(lm_eval.lm_eval)
app.command("doctor")(doctor.doctor)
app.add_typer(official.official)
app.add_typer(environment.environment)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; always ends in ``SystemExit``.

    Exit codes: 0 done; 1 a check found problems, or every row ended in an error; 2 the request cannot be
    fulfilled, as a message on standard error says.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    for problem in add_commands(app):
        say(f"leakboard: {problem}", err=True)
    try:
        app(args=None if arguments is None else list(arguments))
    except LeakboardError as error:
        say(f"leakboard: {error}", err=True)
        raise SystemExit(2) from error
