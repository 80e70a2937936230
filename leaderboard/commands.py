"""Verbs of the board on the command line; everything heavy is imported by the verb that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, emit, say, store_path
from harness.cli.evaluate import ISOLATION, Isolation

__all__ = ["board", "build", "compare", "ingest", "pack", "submit", "verify"]

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
    trusted: Annotated[
        bool, typer.Option("--trusted", help="They are of a job of yours: take seals and verifications over, too.")
    ] = False,
    old_suites: Annotated[
        bool, typer.Option("--old-suites", help="Take records of suites and versions that are not here, too.")
    ] = False,
    lock: Annotated[Path | None, typer.Option(help="Refuse what was made with other versions than a lock has.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Load portable records into the store; duplicates are recognised, what does not fit is refused."""
    from harness.integrity.locks import read_lock
    from leaderboard.records import ingest_records

    packages = read_lock(lock) if lock else None
    report = ingest_records(paths, store_path(store), trusted=trusted, old_suites=old_suites, packages=packages)
    if as_json:
        counts = {"new": report.new, "known": report.known, "vouchers": report.vouchers}
        emit("ingest/1", {"store": store_path(store).absolute(), **counts})
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


def verify(
    paths: Annotated[list[Path], typer.Argument(help="Bundles, stores, or folders of these.")],
    sample: Annotated[
        int | None, typer.Option(min=0, help="Cells of each submission drawn at random; by default all are computed.")
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence of what a sample proves.")] = 0.95,
    seal: Annotated[
        list[Path] | None, typer.Option(help="A revealed seal (repeat); those beside records count.")
    ] = None,
    salt_file: Annotated[Path | None, typer.Option(help="The secret salt of a seal that is yours.")] = None,
    submission: Annotated[list[Path] | None, typer.Option(help="Folder of a submission (repeat).")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only records of this submission (repeat).")] = None,
    suite: Annotated[list[Path] | None, typer.Option(help="File of a suite that has no name here (repeat).")] = None,
    verifier: Annotated[str, typer.Option(help="Who verifies, in words.")] = "unnamed",
    output: Annotated[
        Path | None, typer.Option(help="Folder for verifications; by default beside the records.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs worked on at a time.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compute stored cells again, all or a random sample, and compare; writes a verification that travels with them.

    Exit code 0: nothing differs; 1: something does; 3: something could not be computed, or the sample is too small.
    """
    from harness.cli.common import console
    from harness.cli.reporter import make_reporter
    from leaderboard.verifying import VerifyOptions, verify_paths

    options = VerifyOptions(
        sample=sample,
        level=level,
        seals=tuple(seal or ()),
        salt_file=salt_file,
        submissions=tuple(submission or ()),
        only=tuple(only or ()),
        suites=tuple(suite or ()),
        verifier=verifier,
        output=output,
        jobs=jobs,
    )
    with make_reporter(console(stderr=True), plain=as_json) as progress:
        verified = verify_paths(paths, options, progress)
    if as_json:
        fields = {
            "suite",
            "submission",
            "source",
            "seal",
            "population",
            "at_most_wrong",
            "level",
            "differing",
            "missing",
        }
        rows = [
            {"outcome": v.outcome, "checked": len(v.checked), "file": file.absolute()} | v.model_dump(include=fields)
            for file, v in verified
        ]
        emit("verify/1", {"verifications": rows})
    else:
        for file, v in verified:
            say(f"{v.submission} on {v.suite}: {v.outcome}; {len(v.checked)} of {v.population} cells computed again")
            if not v.differing and len(v.sampled) < v.population:
                say(f"  at most {v.at_most_wrong} of {v.population} cells are wrong, at a level of {v.level:g}")
            for words, problems in (("differs", v.differing), ("not computed", v.missing)):
                for key, why in list(problems.items())[:20]:
                    say(f"  {key} {words}: {why}")
                if len(problems) > 20:
                    say(f"  and {len(problems) - 20} more")
            say(f"  written to {file}")
    outcomes = {v.outcome for _, v in verified}
    if outcomes & {"refuted", "unsettled"}:
        raise typer.Exit(1)
    if outcomes != {"verified"}:
        raise typer.Exit(3)


def compare(
    a: Annotated[Path, typer.Argument(help="A bundle, a store, or a folder of these.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    as_json: JsonOption = False,
) -> None:
    """Show two stores or bundles side by side, with paired intervals of the differences on shared records and seeds."""
    from harness.cli.common import table
    from leaderboard.compare import compare_records

    compared, only_a, only_b = compare_records(a, b)
    if as_json:
        rows = [
            {"suite": c.suite, "entry": c.entry, "submission": c.submission, "point": c.point, "same": c.same}
            | {
                d.measure: {"difference": d.value, "low": d.low, "high": d.high, "p_holm": d.p, "n": d.n}
                for d in c.differences
            }
            for c in compared
        ]
        emit("compare/1", {"rows": rows, "only_a": only_a, "only_b": only_b})
        return
    lines = []
    for c in compared:
        shown = {d.measure: f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]" for d in c.differences}
        least = min((d.p for d in c.differences), default=None)
        lines.append(
            [c.suite, c.entry, c.submission, str(c.point), "yes" if c.same else "no"]
            + [shown.get(measure, "-") for measure in ("privacy", "utility", "pue")]
            + ["-" if least is None else f"{least:.3g}"]
        )
    columns = [
        "suite",
        "entry",
        "submission",
        "point",
        "same records",
        "privacy A - B",
        "utility A - B",
        "PUE A - B",
        "p",
    ]
    table(columns, lines)
    for name, alone in (("A", only_a), ("B", only_b)):
        for words in alone:
            say(f"only in {name}: {words}")


def submit(
    folder: Annotated[Path, typer.Argument(help="Folder of the submission.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for records and summary; by default ./submitted/NAME.")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="Name of a suite; by default the quick one.")] = None,
    isolation: Annotated[Isolation, typer.Option(help=ISOLATION)] = Isolation.sandbox,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs worked on at a time.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Do here what the job of a pull request will do, and say what is missing.

    Exit code 1 where something has to change.
    """
    from harness.cli.common import console
    from harness.cli.reporter import make_reporter
    from leaderboard.submitting import submit_folder, summary

    target = output or Path("submitted") / folder.resolve().name
    with make_reporter(console(stderr=True), plain=as_json) as progress:
        submitted = submit_folder(folder, target, suite=suite, isolation=isolation.value, jobs=jobs, progress=progress)
    if as_json:
        content = {name: getattr(submitted, name) for name in ("name", "problems", "notes", "suite", "rows")}
        emit("submit/1", {**content, "files": [str(file.absolute()) for file in submitted.files]})
    else:
        say(summary(submitted))
        say(f"records and summary are in {target}")
    if submitted.problems:
        raise typer.Exit(1)
