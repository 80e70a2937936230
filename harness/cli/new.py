"""``leakboard new``: a defense, an attack or a scenario to start from."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from harness.cli.common import JsonOption, emit, say
from harness.errors import ManifestError

__all__ = ["new"]

_SKELETONS = Path(__file__).parent / "skeletons"

_SUBMISSION = {
    "submission.toml": "submission/submission.toml",
    "defense.py": "submission/defense.py",
    "README.md": "submission/README.md",
}
_PACKAGE = {"pyproject.toml": "package/pyproject.toml", "README.md": "package/README.md"}
_ATTACK = {
    **_PACKAGE,
    "$name/__init__.py": "attack/__init__.py",
    "$name/$name.py": "attack/attack.py",
    "tests/test_$name.py": "attack/test.py",
}
_SCENARIO = {
    **_PACKAGE,
    **{
        f"$name/{room}.py": f"scenario/{room}.py"
        for room in ("__init__", "build", "client", "scenario", "server", "settings")
    },
    "tests/test_$name.py": "scenario/test.py",
}
"""File to write -> its skeleton; a package is found by leakboard once it is installed."""


def new(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and underscores.")],
    attack: Annotated[bool, typer.Option("--attack", help="Make an attack, as a package of its own.")] = False,
    scenario: Annotated[bool, typer.Option("--scenario", help="Make a scenario, as a package of its own.")] = False,
    home: Annotated[
        Path | None, typer.Option("--in", help="Where its folder is made; by default ./submissions or ./plugins.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a small working defense to start from (submission.toml, defense.py, README.md), an attack or a scenario."""
    plugin = attack or scenario
    place = (home or Path("plugins" if plugin else "submissions")) / name
    _refuse(name, place, plugin=plugin, both=attack and scenario)
    files = _ATTACK if attack else _SCENARIO if scenario else _SUBMISSION
    words = name.split("_")
    written = _write(
        place,
        files,
        {
            "name": name,
            "title": " ".join(words).capitalize(),
            "class_name": "".join(word.capitalize() for word in words),
            "constant": name.upper(),
            "article": "an attack" if attack else "a scenario",
            "folder": place.as_posix(),
        },
    )
    if as_json:
        emit("new/1", {"folder": place.absolute(), "files": written})
        return
    say(f"made {place} with {', '.join(written)}")
    if plugin:
        say(f"next: pip install --no-build-isolation -e {place} && leakboard check {name} && pytest {place}")
    else:
        say(f"next: leakboard check {place}")


def _write(place: Path, files: Mapping[str, str], fields: Mapping[str, str]) -> list[str]:
    """Fill in the skeletons; returns the names of the files, sorted."""
    names = {Template(file).substitute(fields): skeleton for file, skeleton in files.items()}
    for file, skeleton in names.items():
        path = place / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (_SKELETONS / f"{skeleton}.txt").read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(fields), encoding="utf-8")
    return sorted(names)


def _refuse(name: str, place: Path, *, plugin: bool, both: bool) -> None:
    problems = []
    if both:
        problems.append("--attack and --scenario exclude each other: make one after the other")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        problems.append(f"{name!r} is no name: small letters, digits and underscores, a letter first")
    elif plugin and importlib.util.find_spec(name) is not None:
        problems.append(f"there is a Python module {name!r} already, which the package would hide: choose another name")
    if place.exists():
        problems.append(f"{place} is there already")
    if problems:
        raise ManifestError("leakboard new", problems)
