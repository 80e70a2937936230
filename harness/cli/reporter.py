"""Tells a person on standard error how far an evaluation is: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["LiveReporter", "PlainReporter", "Reporter", "make_reporter"]


class Reporter(AbstractContextManager["Reporter"], Protocol):
    """Calls that an evaluation makes while it works."""

    def asset(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of a download have arrived."""

    def plan(self, total_cells: int) -> None:
        """So many cells make up the evaluation."""

    def start(self, cell_label: str) -> None:
        """Work on a cell, or on a run that cells need, begins."""

    def done(self, cell_label: str, status: str, seconds: float) -> None:
        """A cell is committed; status ``stored``: it was before."""


def make_reporter(console: Console, *, plain: bool = False) -> Reporter:
    """A live reporter where ``console`` is a terminal, else a plain one."""
    return PlainReporter(console) if plain or not console.is_terminal else LiveReporter(console)


class PlainReporter(AbstractContextManager["PlainReporter"]):
    """One line per computed cell and per finished download; stored cells are counted."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._finished = self._stored = 0
        self._assets: set[str] = set()

    def __exit__(self, *problem: object) -> None:
        self._say_stored()

    def asset(self, label: str, done: int, total: int) -> None:
        """Print when a download begins and when it is complete."""
        if label not in self._assets and done < total:
            self._assets.add(label)
            self._say(f"fetching {label} ({total / 1e6:.0f} MB)")
        elif label in self._assets and done >= total:
            self._assets.remove(label)
            self._say(f"fetched {label}")

    def plan(self, total_cells: int) -> None:
        """Print the number of cells."""
        self._total = total_cells
        self._say(f"{total_cells} cells")

    def start(self, cell_label: str) -> None:
        """Nothing: the line comes when the cell is done."""

    def done(self, cell_label: str, status: str, seconds: float) -> None:
        """Print the cell with its number, unless it was stored before."""
        self._finished += 1
        if status == "stored":
            self._stored += 1
            return
        self._say_stored()
        self._say(f"[{self._finished}/{self._total}] {cell_label}: {status}, {seconds:.1f} s")

    def _say_stored(self) -> None:
        if self._stored:
            self._say(f"{self._stored} cells are in the store already")
        self._stored = 0

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


class LiveReporter(AbstractContextManager["LiveReporter"]):
    """A bar over all cells with the name of the current one, and a bar for each download while it runs."""

    def __init__(self, console: Console) -> None:
        text = TextColumn("{task.description}", markup=False)
        self._bars = Progress(
            SpinnerColumn(), BarColumn(24), TaskProgressColumn(), TimeElapsedColumn(), text, console=console
        )
        self._cells = self._bars.add_task("planning", total=None)
        self._assets: dict[str, TaskID] = {}

    def __enter__(self) -> LiveReporter:
        self._bars.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._bars.stop()

    def asset(self, label: str, done: int, total: int) -> None:
        """Move the download's bar; it goes when the download is complete."""
        if done >= total:
            if label in self._assets:
                self._bars.remove_task(self._assets.pop(label))
            return
        if label not in self._assets:
            self._assets[label] = self._bars.add_task(f"fetching {label}", total=total)
        self._bars.update(self._assets[label], completed=done)

    def plan(self, total_cells: int) -> None:
        """Set the length of the bar."""
        self._bars.update(self._cells, total=total_cells, description=f"{total_cells} cells")

    def start(self, cell_label: str) -> None:
        """Show the name of the cell."""
        self._bars.update(self._cells, description=cell_label)

    def done(self, cell_label: str, status: str, seconds: float) -> None:
        """Move the bar by one; a cell that is not ``ok`` leaves a line above it."""
        self._bars.advance(self._cells)
        if status not in ("ok", "stored"):
            self._bars.console.print(f"{cell_label}: {status}")
