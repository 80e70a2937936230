"""Options that several verbs share, and the two ways of answering: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.util.untrusted import plain_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["JsonOption", "StoreOption", "console", "emit", "say", "shown", "store_path", "table"]

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Database of results; by default $LEAKBOARD_STORE, else ./leakboard.duckdb."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output (shapes: docs/json.md).")]


def store_path(option: Path | None) -> Path:
    """The store that a call means: the option, else ``LEAKBOARD_STORE``, else ``leakboard.duckdb`` here."""
    return option or Path(os.environ.get("LEAKBOARD_STORE") or "leakboard.duckdb")


def emit(form: str, content: Mapping[str, Any]) -> None:
    """Print one JSON object; ``form`` names its shape and version. Numbers that are not finite become null."""
    text = json.dumps({"format": form, **_finite(content)}, indent=2, ensure_ascii=False, allow_nan=False)
    # What a terminal would act on stands inside strings, where JSON has another form for it.
    typer.echo("".join(c if plain_text(c) else json.dumps(c)[1:-1] for c in text) if plain_text(text) != text else text)


def say(text: object, *, err: bool = False) -> None:
    """Print one text; names, titles and reasons of others are in it, so no terminal escape leaves."""
    typer.echo(plain_text(str(text)), err=err)


def console(*, stderr: bool = False) -> Console:
    """A console; where output is no terminal, lines are wide enough not to be cut. Whatever is printed on it, the only
    terminal escapes are those of its own styles.
    """
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(plain_text(segment.text), segment.style)

    opened = SafeConsole(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not opened.is_terminal and "COLUMNS" not in os.environ:
        opened.width = 190
    return opened


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: Sequence[str] = ()) -> None:
    """Print a table of text; the columns named in ``right`` are aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console().print(drawn)


def shown(value: object) -> str:
    """A value for a person: ``a 1, b 2`` for mappings, commas for lists, yes and no for truth."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
