"""Verbs of the board on the command line; everything heavy is imported by the verb that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, emit, say, store_path

__all__ = ["board", "build", "ingest", "pack"]

_Sources = Annotated[
    list[Path] | None,
    typer.Argument(help="Bundles, stores, or folders of these; by default the store and the shipped results."),
]


def board(
    store: StoreOption = None,
    results: Annotated[Path | None, typer.Option(help="Folder of records to show instead of the store.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in the browser.")] = False,
) -> None:
    """Open the leaderboard in a browser: the store's results together with the shipped ones."""
    from leaderboard.app.launch import run

    status = run(None if results else store_path(store), results, port, open_browser=browser)
    if status:
        raise typer.Exit(status)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Bundles (.jsonl.gz, .parquet), stores, or folders of these.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load portable records into the store; duplicates are recognised, conflicting records refused."""
    from leaderboard.records import ingest_records

    report = ingest_records(paths, store_path(store))
    if as_json:
        emit("ingest/1", {"store": store_path(store).absolute(), "new": report.new, "known": report.known})
        return
    say(f"{report.new} records are new, {report.known} were there already; stored in {store_path(store)}")


def pack(
    folder: Annotated[Path, typer.Argument(help="Folder to write bundles to, one per suite and submission.")],
    store: StoreOption = None,
    suite: Annotated[list[str] | None, typer.Option(help="Only this suite, as name or name@version (repeat).")] = None,
    submission: Annotated[list[str] | None, typer.Option(help="Only this submission (repeat).")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write Parquet instead of JSON lines.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the store's latest records as portable bundles, which `leakboard ingest` reads."""
    from leaderboard.records import pack_records

    sizes = pack_records(store_path(store), folder, suites=suite or (), submissions=submission or (), parquet=parquet)
    if as_json:
        emit("pack/1", {"files": [{"path": path.absolute(), "bytes": size} for path, size in sizes.items()]})
        return
    for path, size in sizes.items():
        say(f"{path}: {size / 1024:.0f} KiB")


def build(
    paths: _Sources = None,
    store: StoreOption = None,
    output: Annotated[Path | None, typer.Option(help="Board to write; by default beside the store.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build the board afresh from records and swap it in; an open board shows it at its next look."""
    from harness.cli import catalogue
    from leaderboard.build import build_board, default_sources
    from leaderboard.queries import board_path, open_board

    for name, why in catalogue.broken("submission").items():
        say(f"submission {name} is broken: {why}", err=True)
    home = store_path(store)
    target = output or board_path(home)
    sources = paths or default_sources(home)
    meta = open_board(build_board(sources, target, first_counts=not paths)).meta()
    if as_json:
        counts = {name: int(meta[name]) for name in ("runs", "cells")}
        emit("build/1", {"board": target.absolute(), **counts, "suites": meta["suites"]})
        return
    say(f"{target}: {meta['runs']} runs, {meta['cells']} cells; suites: {meta['suites'] or 'none'}")
