"""Locks of package versions, as requirements of pip: an environment written down, and held against another."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from harness.errors import StoreError
from harness.store import atomic
from harness.store.provenance import PACKAGES

__all__ = ["installed", "lock_problems", "read_lock", "write_lock"]

_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;#\\]+)(?:\s*(?:[;#\\].*)?)")
_PYTHON = re.compile(r"#\s*python (?P<version>\S+)")
_OWN = "leakboard"


def _plain(name: str) -> str:
    """A distribution's name in its one form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """Distribution -> version of everything that can be imported here but leakboard itself, sorted."""
    names = {_plain(d.metadata["Name"]): d.version for d in metadata.distributions() if d.metadata["Name"]}
    return {name: names[name] for name in sorted(names) if name != _OWN}


def write_lock(path: Path) -> dict[str, str]:
    """Write what is installed as pinned requirements; returns them. ``pip install -r`` makes the environment again."""
    packages = installed()
    head = ["# Environment of leakboard's records: `leakboard environment check` holds another against it."]
    head.append(f"# python {platform.python_version()}")
    lines = [*head, *(f"{name}=={version}" for name, version in packages.items())]
    atomic.write_file(path, ("\n".join(lines) + "\n").encode())
    return packages


def read_lock(path: Path) -> dict[str, str]:
    """Distribution -> version of a lock, ``python`` among them where it states it.

    Lines of pip-tools and uv are read: options and hashes are left out.

    Raises:
        StoreError: a line pins nothing; names all such lines.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    packages, odd = {}, []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if python := _PYTHON.fullmatch(text):
            packages["python"] = python["version"]
        elif match := _LINE.fullmatch(text):
            packages[_plain(match["name"])] = match["version"]
        elif text and not text.startswith(("#", "--")):
            odd.append(f"line {number}: {text[:60]}")
    if odd:
        raise StoreError(f"{path} is no lock, these lines pin no version (name==version):\n  - " + "\n  - ".join(odd))
    return packages


def lock_problems(locked: Mapping[str, str], here: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Differences from a lock: in packages that can change numbers, and in others; both in words."""
    serious, others = list[str](), list[str]()
    for name in sorted(locked):
        if locked[name] != here.get(name):
            line = f"{name}: {locked[name]} in the lock, {here.get(name, 'absent')} here"
            (serious if name in PACKAGES else others).append(line)
    return serious, others
