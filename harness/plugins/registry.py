"""Finds attacks, scenarios, suites and submissions by name, without importing what it does not need.

Plugins come from the packages that lie beside this one (folders of a checkout, or of an installation) and
from the entry-point group ``leakboard.plugins`` of installed packages. A plugin module declares plain
tables ``ATTACKS``, ``SCENARIOS`` and ``COMMANDS`` (verbs of the command line) of ``name -> "module:object"``;
its folder may hold ``suites/*.toml``.
A plugin that cannot be imported is listed as a problem and takes no other down with it.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar, get_args

from harness.errors import UnknownName

__all__ = [
    "GROUP",
    "PluginKind",
    "Plugins",
    "discover",
    "find_submission",
    "load",
    "look_up",
    "names",
    "problems",
    "resolve",
    "results",
    "shipped",
    "submissions",
    "suite_file",
    "suites",
    "target",
]

GROUP = "leakboard.plugins"
"""Entry-point group of installed plugin packages; the value of an entry point is a module."""

PluginKind = Literal["attack", "scenario", "command"]
"""What plugin tables hold."""

T = TypeVar("T")

_TABLES: Mapping[PluginKind, str] = {"attack": "ATTACKS", "scenario": "SCENARIOS", "command": "COMMANDS"}
_BESIDE = Path(__file__).resolve().parents[2]
_PACKAGES = ("attacks", "scenarios", "leaderboard")


@dataclass
class Plugins:
    """Everything that was found. On equal names the first one found counts, and the second is a problem."""

    targets: dict[PluginKind, dict[str, str]] = field(
        default_factory=lambda: {kind: {} for kind in get_args(PluginKind)}
    )
    """Kind -> name -> ``module:object``."""
    suites: dict[str, Path] = field(default_factory=dict)
    """Suite name -> file."""
    problems: list[str] = field(default_factory=list)
    """Sentences about plugins that could not be used."""

    def add(self, module: ModuleType) -> None:
        """Take over the tables and the suites of a plugin module."""
        for kind, table in _TABLES.items():
            for name, place in getattr(module, table, {}).items():
                self._put(self.targets[kind], kind, name, place)
        for folder in getattr(module, "__path__", ()):
            for file in sorted(Path(folder, "suites").glob("*.toml")):
                self._put(self.suites, "suite", file.stem, file)

    def _put(self, table: dict[str, T], kind: str, name: str, value: T) -> None:
        if table.setdefault(name, value) != value:
            self.problems.append(f"{kind} {name!r} is at {table[name]} and again at {value}; the first one counts")


def discover() -> Plugins:
    """Look for plugins afresh; imports the plugin modules (which are tables), not what they point at."""
    plugins = Plugins()
    for place in _modules():
        try:
            plugins.add(importlib.import_module(place))
        except Exception as error:  # a stranger's module may raise anything
            plugins.problems.append(f"plugin module {place} cannot be used: {type(error).__name__}: {error}")
    return plugins


def names(kind: PluginKind) -> list[str]:
    """The names of all attacks or scenarios, sorted."""
    return sorted(discover().targets[kind])


def target(kind: PluginKind, name: str) -> str:
    """The place of a plugin, as ``module:object``; :class:`UnknownName` with near misses if there is none."""
    plugins = discover()
    return look_up(plugins.targets[kind], kind, name, plugins.problems)


def load(kind: PluginKind, name: str) -> object:
    """The attack class or scenario object of that name, imported now.

    Raises:
        UnknownName: no plugin of that name, or there is nothing where it is declared to be.
        ImportError: the plugin's module needs something that cannot be imported.
    """
    return resolve(kind, name, target(kind, name))


def resolve(kind: PluginKind, name: str, place: str) -> object:
    """The object at ``place`` (``module:object``), imported now; raises as :func:`load`."""
    module, _, attribute = place.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UnknownName(f"{kind} {name!r} is declared as {place}, but there is no module {module}") from error
    if not hasattr(loaded, attribute):
        raise UnknownName(f"{kind} {name!r} is declared as {place}, but {module} has no {attribute or 'object'}")
    return getattr(loaded, attribute)


def problems() -> list[str]:
    """Sentences about plugins that could not be used; empty when all is well."""
    return discover().problems


def suites() -> dict[str, Path]:
    """Name -> file of every suite, sorted by name."""
    return dict(sorted(discover().suites.items()))


def suite_file(name: str) -> Path:
    """The file of a suite; :class:`UnknownName` with near misses if there is none."""
    plugins = discover()
    return look_up(plugins.suites, "suite", name, plugins.problems)


def shipped() -> dict[str, Path]:
    """Name -> folder of every submission that stands beside the packages: their names are reserved."""
    home = _BESIDE / "submissions"
    return {manifest.parent.name: manifest.parent for manifest in sorted(home.glob("*/submission.toml"))}


def submissions() -> dict[str, Path]:
    """Name -> folder of every submission in the checkout's ``submissions`` and in ``./submissions``; the former count
    where both have one of a name."""
    local = sorted((Path.cwd() / "submissions").glob("*/submission.toml"))
    return dict(sorted(({manifest.parent.name: manifest.parent for manifest in local} | shipped()).items()))


def find_submission(name_or_path: str | Path) -> Path:
    """The folder of a submission, by path or by name; :class:`UnknownName` with near misses if there is none."""
    path = Path(name_or_path)
    path = path.parent if path.name == "submission.toml" else path
    if (path / "submission.toml").is_file():
        return path.resolve()
    return look_up(submissions(), "submission", str(name_or_path))


def results() -> Path | None:
    """The folder of shipped results, ``./results`` or that of the checkout; None where there is none."""
    return next((home for home in (Path.cwd() / "results", _BESIDE / "results") if home.is_dir()), None)


def _modules() -> Iterator[str]:
    """Dotted names of all plugin modules: the packages beside this one, their subpackages, the entry points."""
    for package in _PACKAGES:
        if (_BESIDE / package / "__init__.py").is_file():
            yield package
            children = sorted((_BESIDE / package).glob("*/__init__.py"))
            yield from (f"{package}.{file.parent.name}" for file in children)
    yield from _entry_points(tuple((place, _changed(place)) for place in sys.path))


@lru_cache(maxsize=4)
def _entry_points(path: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Modules that installed packages name, sorted by the names of their entry points. ``path`` is where Python looks
    for packages, each place with the time of its last change: reading the metadata of every package takes as long as
    all else that is done here."""
    points = importlib.metadata.entry_points(group=GROUP)
    return tuple(point.value for point in sorted(points, key=lambda point: point.name))


def _changed(place: str) -> int:
    """Time of the last change of a folder or file in nanoseconds, 0 where there is none."""
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0


def look_up(table: Mapping[str, T], kind: str, name: str, problems: Iterable[str] = ()) -> T:
    """``table[name]``, or :class:`UnknownName` with near misses, all names, and the problems ``found`` so far."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    broken = "".join(f"\n  - {problem}" for problem in problems)
    known = ", ".join(sorted(table)) or "none"
    raise UnknownName(f"no {kind} named {name!r}{hint} Known: {known}" + (f"\nProblems:{broken}" if broken else ""))
