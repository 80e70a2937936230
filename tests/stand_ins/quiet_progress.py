"""A progress display that shows nothing and remembers what was computed."""

from __future__ import annotations

__all__ = ["Quiet"]


class Quiet:
    """Remembers what was computed."""

    def __init__(self) -> None:
        self.cells: list[tuple[str, str]] = []

    def asset(self, label: str, done: int, total: int) -> None:
        """Nothing is fetched here."""

    def plan(self, total_cells: int) -> None:
        self.total = total_cells

    def start(self, cell_label: str) -> None:
        """Not needed."""

    def done(self, cell_label: str, status: str, seconds: float) -> None:
        self.cells.append((cell_label, status))

    def fresh(self) -> list[str]:
        return [label for label, status in self.cells if status != "stored"]
