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
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than this machine's shows the board to the network.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--open", "--browser", help="Open the page in the browser.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="Write plain pages, tables and figures to this folder instead of serving.")
    ] = None,
) -> None:
    """Open the leaderboard in a browser, or export it: the store's results together with the shipped ones."""
    from leaderboard.app.launch import export_site, run

    if export is not None:
        files = export_site(None if results else store_path(store), results, export)
        say(f"{export}: {files} files; open {export / 'index.html'}, or put the folder on any web server")
        return
    status = run(None if results else store_path(store), results, port, open_browser=browser, host=host)
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
    ship: Annotated[
        bool, typer.Option("--ship", help="Of the shipped results alone, and write it beside them for fresh clones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the board afresh from records and swap it in; an open board shows it at its next look."""
    import os

    from harness.cli import catalogue
    from leaderboard.build import build_board, default_sources
    from leaderboard.build.progress import printed
    from leaderboard.build.shipped import ship as write_shipped
    from leaderboard.build.shipped import ship_results
    from leaderboard.queries import board_path, open_board

    for name, why in catalogue.broken("submission").items():
        say(f"submission {name} is broken: {why}", err=True)
    home = store_path(store)
    target = output or board_path(home)
    sources = ship_results(paths) if ship else paths or default_sources(home)
    jobs = min(4, os.cpu_count() or 1)
    built = build_board(sources, target, first_counts=not paths, say=printed(), jobs=jobs)
    meta = open_board(built).meta()
    if ship:
        say(f"{write_shipped(built, sources[0])}: for fresh clones", err=True)
    if as_json:
        counts = {name: int(meta[name]) for name in ("runs", "cells")}
        emit("build/1", {"board": target.absolute(), **counts, "suites": meta["suites"]})
        return
    say(f"{target}: {meta['runs']} runs, {meta['cells']} cells; suites: {meta['suites'] or 'none'}")
