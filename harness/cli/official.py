"""``leakboard official``: seals of secret salts, runs under them, and their log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, console, emit, say, store_path
from harness.cli.evaluate import ISOLATION, Isolation, print_report

if TYPE_CHECKING:
    from harness.integrity import Seal

__all__ = ["official"]

official = typer.Typer(
    name="official",
    help="Seal a secret salt, run submissions under it, reveal it (docs/official-runs.md).",
    no_args_is_help=True,
)

_Seal = Annotated[Path, typer.Argument(help="The public file of the seal, as quick-1.seal.json.")]
_Salt = Annotated[Path, typer.Option("--salt-file", help="The secret file of the salt; only its owner may read it.")]


@official.command("seal")
def make(seal: _Seal, salt_file: _Salt, as_json: JsonOption = False) -> None:
    """Draw a salt into a secret file, and write its hash to a new seal, which is to be published."""
    from harness.integrity import make_seal

    _answer(make_seal(seal, salt_file), seal, as_json, f"the salt is in {salt_file}: keep it secret; publish {seal}")


@official.command("run")
def run(
    submission: Annotated[str, typer.Argument(help="Folder of a submission, or the name of one.")],
    seal: Annotated[Path, typer.Option(help="The public file of the seal; its log gets two events.")],
    salt_file: _Salt,
    suite: Annotated[str, typer.Option(help="Name of a suite, or a .toml file.")],
    store: StoreOption = None,
    point: Annotated[list[int] | None, typer.Option(help="Only this operating point (repeat for more).")] = None,
    isolation: Annotated[Isolation, typer.Option(help=ISOLATION)] = Isolation.sandbox,
    most_sources: Annotated[int, typer.Option(min=1, help="Sources of one submission that a seal is spent on.")] = 3,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs worked on at a time.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a submission under a sealed salt; the log knows of it before the first score."""
    from harness.cli.reporter import make_reporter
    from harness.evaluation.official import official_run

    with make_reporter(console(stderr=True), plain=as_json) as progress:
        report, longer = official_run(
            submission,
            suite,
            store_path(store),
            seal,
            salt_file,
            points=point,
            isolation=isolation.value,
            most_sources=most_sources,
            progress=progress,
            jobs=jobs,
        )
    print_report(report, as_json)
    if not as_json:
        say(f"logged in {seal}; head {longer.head}")


@official.command("reveal")
def reveal(seal: _Seal, salt_file: _Salt, as_json: JsonOption = False) -> None:
    """Publish the salt: from now on everybody can compute what was sealed, and nothing new can be."""
    from harness.integrity import read_salt, reveal_seal

    _answer(reveal_seal(seal, read_salt(salt_file)), seal, as_json, f"`leakboard evaluate --seal {seal}` recomputes it")


@official.command("show")
def show(
    seal: _Seal,
    head: Annotated[str, typer.Option(help="A head that was published: exit code 1 if the log lacks it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check a seal's chain, and show its log."""
    from harness.integrity import read_seal

    opened = read_seal(seal)
    _answer(opened, seal, as_json)
    if head and head not in opened.hashes():
        say(f"head {head} is not in this log: it was rewritten after that head was published", err=True)
        raise typer.Exit(1)


def _answer(seal: Seal, path: Path, as_json: bool, words: str = "") -> None:
    events = [
        {"kind": e.kind, "time": e.time, "submission": e.submission, "source": e.source, "suite": e.suite}
        | {"isolation": e.isolation, "records": len(e.records)}
        for e in seal.events
    ]
    if as_json:
        content = {"seal": path.absolute(), "commitment": seal.commitment, "head": seal.head, "events": events}
        emit("seal/1", {**content, "revealed": seal.salt is not None})
        return
    say(f"{path}: commitment {seal.commitment}")
    for event in events:
        what = f" {event['submission']} ({str(event['source'])[:8]}) on {event['suite']}" if event["submission"] else ""
        count = f", {event['records']} records" if event["records"] else ""
        say(f"  {event['time']} {event['kind']}{what}{count}")
    say(f"head {seal.head}")
    if words:
        say(words)
