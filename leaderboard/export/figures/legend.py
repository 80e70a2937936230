"""The legend of a figure: below all panels, with a sentence about what is behind the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from leaderboard.export.figures.panels import Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["Legend", "counts", "line"]

_LETTER = 0.047
"""Width of a letter of the legend's type, in inches."""


@dataclass(frozen=True)
class Legend:
    """The strip below all panels: the looks, and a sentence in small type above them."""

    handles: Sequence[Any]
    note: str
    width: float
    """Width of the figure, in inches."""

    @property
    def columns(self) -> int:
        """As many as fit."""
        longest = max((len(handle.get_label()) for handle in self.handles), default=1)
        return max(1, min(len(self.handles), int(self.width / (_LETTER * longest + 0.38))))

    @property
    def height(self) -> float:
        """Inches that it takes."""
        return 0.145 * (-(-len(self.handles) // self.columns) + self.text.count("\n") + 1) + 0.1

    @property
    def text(self) -> str:
        """The sentence, broken into lines."""
        return "\n".join(wrap(self.note, int(self.width / _LETTER)))

    def put(self, figure: Figure) -> None:
        """Draw it."""
        figure.legend(
            handles=self.handles,
            title=self.text,
            title_fontsize=7,
            ncols=self.columns,
            loc="outside lower center",
            columnspacing=1.2,
            handletextpad=0.5,
        )


def counts(frame: DataFrame, more: str = "") -> str:
    """A sentence with the numbers of records, seeds and runs behind a figure's rows, and the meaning of bars."""
    if frame.empty:
        return more
    sizes = []
    for column, word in (("n_records", "records"), ("seeds", "seeds"), ("runs", "runs")):
        low, high = int(frame[column].min()), int(frame[column].max())
        sizes.append(f"{low if low == high else f'{low} to {high}'} {word}")
    return f"Per row: {', '.join(sizes)}. Bars and bands: 95 % intervals. {more}".strip()


def line(look: Look, **changes: Any) -> Any:
    """A legend's handle for a look."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **{"markersize": 4, "linewidth": 1, **look, **changes})
