"""Style and writing of figures: sizes, colours, fonts, metadata; no global state."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from leaderboard.export.provenance import Provenance
from leaderboard.export.request import WIDTHS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "FRAME", "GREY", "INK", "MARKERS", "blank", "draw", "shown"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Colours that differ for every kind of colour vision (Okabe and Ito 2008), without yellow, which paper swallows."""
MARKERS = "osD^vPX"
"""One for each colour, so that a figure can be read without any."""
INK, GREY, FRAME = "#222222", "#8a8a8a", "#b8b8b8"

_SETTINGS: Mapping[Any, Any] = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "text.parse_math": False,
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "leakboard",
    "savefig.dpi": 300,
    "axes.unicode_minus": True,
}
"""Type 42 keeps text in a PDF text; paths need no font where an SVG is shown; the salt makes an SVG's ids repeat."""

_LOCK = threading.Lock()
"""matplotlib reads its settings from one global place; the app draws in several threads."""


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(dict(_SETTINGS))
        yield


def draw(make: Callable[[float], Figure], width: str, form: str, source: Provenance) -> bytes:
    """The file of a figure: ``make`` gets its width in inches and is called with the settings in force."""
    out = io.BytesIO()
    with _settings():
        figure = make(WIDTHS[width])
        figure.savefig(out, format=form, metadata=_metadata(form, source))
    return out.getvalue()


def _metadata(form: str, source: Provenance) -> dict[str, Any]:
    lines, maker = "; ".join(source.lines), source.facts["made by"]
    if form == "pdf":
        return {"Title": "leakboard figure", "Creator": maker, "Subject": lines, "CreationDate": None}
    if form == "svg":
        return {"Title": "leakboard figure", "Creator": maker, "Description": lines, "Date": None}
    return {"Software": maker, "Title": "leakboard figure", "Description": lines}


def blank(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of this size in inches with axes in reading order, laid out so that nothing is cut or overlaps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    # The engine of the layout asked for above, which takes paddings; declared as the base class or none.
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # type: ignore[call-arg, union-attr]
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).ravel())


def shown(text: str, most: int = 40) -> str:
    """A text for a label: one line, cut where it is long, characters that the fonts do not have replaced."""
    line = "".join(char if char.isprintable() and _known(char) else "\ufffd" for char in text)
    return line if len(line) <= most else line[: most - 1] + "…"


def _known(char: str) -> bool:
    return char.isascii() or ord(char) in _glyphs()


@cache
def _glyphs() -> frozenset[int]:
    """Characters of the font that stands in where the first has none."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
