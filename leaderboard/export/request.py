"""Requests for exports; a request with the board determines every byte of the answer."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from harness.errors import LeakboardError

__all__ = ["FIGURES", "FORMS", "INTERVALS", "TABLES", "WIDTHS", "Request", "check_request", "command_of", "forms_of"]

TABLES = ("board", "overall", "attacks", "strata", "pairs", "runs")
"""Exports that are tables."""
FIGURES = ("tradeoff", "forest", "layers", "equal-utility")
"""Exports that are figures."""
WIDTHS: Mapping[str, float] = {"single": 3.25, "double": 6.75}
"""Widths of a paper's column and of its page, in inches."""
INTERVALS = ("subscript", "columns", "none")
"""Ways in which a printed table shows 95 % intervals."""
FORMS: Mapping[str, str] = {
    "latex": ".tex",
    "markdown": ".md",
    "html": ".html",
    "csv": ".csv",
    "parquet": ".parquet",
    "bib": ".bib",
    "pdf": ".pdf",
    "svg": ".svg",
    "png": ".png",
}
"""Format -> file ending. The first six are for tables, the rest for figures."""

_FIGURE_FORMS = ("pdf", "svg", "png")


@dataclass(frozen=True)
class Request:
    """Everything that shapes an export; the fields are the options of ``leakboard export``."""

    what: str = "board"
    format: str = "latex"
    suite: tuple[str, ...] = ()
    """Suites as ``name@version`` or as ``name``, meaning every version; empty for all."""
    scenario: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()
    submission: tuple[str, ...] = ()
    """``name``, or ``name#point`` for one operating point; empty for all."""
    intervals: str = "subscript"
    width: str = "double"
    digits: int = 2
    """Decimals of printed numbers; data formats carry all of them."""
    weights: tuple[float, float, float] | None = None
    """Weights of privacy, utility and efficiency in PUE; None for the standard ones."""
    cite: bool = True
    """LaTeX tables cite submissions and attacks by their keys in the ``bib`` export."""
    comment: bool = True
    """A CSV file starts with its provenance."""
    store: str = ""
    """The store as it was named on the command line, for the provenance alone."""
    date: str = ""
    """Day of the export, as YYYY-MM-DD."""


def forms_of(what: str) -> tuple[str, ...]:
    """Formats that a table or figure can be exported to."""
    return _FIGURE_FORMS if what in FIGURES else tuple(form for form in FORMS if form not in _FIGURE_FORMS)


def check_request(request: Request) -> None:
    """Raise LeakboardError with everything about a request that cannot be fulfilled on any board."""
    problems = [*_choices(request), *_together(request)]
    if not 1 <= request.digits <= 6:
        problems.append(f"digits {request.digits}: choose 1 to 6")
    if problems:
        raise LeakboardError("this export is not possible:\n" + "\n".join(f"  - {problem}" for problem in problems))


def command_of(request: Request) -> str:
    """The command line that makes this export again."""
    words = ["leakboard", "export", request.what, "--format", request.format]
    for field in fields(Request):
        value = getattr(request, field.name)
        if field.name in ("what", "format", "date") or value == field.default:
            continue
        words += _option(field.name, value)
    return shlex.join(words)


def _option(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--no-{name}"]
    if name == "weights" and isinstance(value, tuple):
        return ["--weights", ",".join(f"{part:g}" for part in value)]
    values: Iterable[object] = value if isinstance(value, tuple) else (value,)
    return [word for one in values for word in (f"--{name}", str(one))]


def _choices(request: Request) -> list[str]:
    allowed = {
        "what": (request.what, (*TABLES, *FIGURES)),
        "format": (request.format, tuple(FORMS)),
        "intervals": (request.intervals, INTERVALS),
        "width": (request.width, tuple(WIDTHS)),
    }
    return [
        f"{name} {value!r}: choose one of {', '.join(known)}"
        for name, (value, known) in allowed.items()
        if value not in known
    ]


def _together(request: Request) -> list[str]:
    problems = []
    known = request.what in (*TABLES, *FIGURES) and request.format in FORMS
    if known and request.format not in forms_of(request.what):
        problems.append(f"{request.what} has no {request.format}: choose one of {', '.join(forms_of(request.what))}")
    if request.what == "overall" and (request.scenario or request.entry):
        problems.append("overall scores are over all entries of a suite: leave out --scenario and --entry")
    if request.weights is not None and request.what not in ("board", "tradeoff"):
        problems.append(f"weights apply to board and tradeoff, not to {request.what}")
    return problems
