"""The files of a submission's folder that count: what is hashed is what is handed over, and nothing else.

Every regular file counts, hidden ones too, since code can read it. Left out of both are caches of the interpreter, a
git repository's own data, and the files at the top that are only for people: ``README*`` and ``LICENSE*``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from harness.errors import ManifestError

__all__ = ["MAX_BYTES", "MAX_FILES", "read_files"]

MAX_BYTES = 50_000_000
"""Size of all files of a submission that count."""

MAX_FILES = 2_000
"""Number of its files and folders."""

_SKIPPED = frozenset({"__pycache__", ".git"})
_FOR_PEOPLE = frozenset({"readme", "license", "licence"})
_PROSE = frozenset({"", ".md", ".txt", ".rst"})


def read_files(folder: Path) -> dict[str, bytes]:
    """Name (with slashes) -> content of every file that counts, sorted by name.

    Raises:
        ManifestError: with every problem: symbolic links (what they point at could change without changing the hash),
            pipes, sockets and devices, names that are no printable text, what cannot be read, or more than
            :data:`MAX_FILES` entries or :data:`MAX_BYTES` bytes.
    """
    problems: list[str] = []
    paths = dict(sorted(_walk(folder, problems)))
    if problems:
        raise ManifestError(str(folder), problems[:20])
    return _contents(folder, paths)


def _walk(folder: Path, problems: list[str]) -> Iterator[tuple[str, Path]]:
    waiting, entries = [folder], 0
    while waiting:
        place = waiting.pop()
        try:
            inside = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            problems.append(f"{place.relative_to(folder)!s} cannot be read: {error.strerror}")
            continue
        for entry in inside:
            if entry.name in _SKIPPED and not entry.is_symlink():
                continue
            name = Path(entry.path).relative_to(folder).as_posix()
            entries += 1
            if entries > MAX_FILES:
                problems.append(f"holds more than {MAX_FILES} files and folders; leave out what is not needed")
                return
            if problem := _problem(name, entry):
                problems.append(problem)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif not (place == folder and _for_people(entry.name)):
                yield name, Path(entry.path)


def _problem(name: str, entry: os.DirEntry[str]) -> str:
    if not name.isprintable():
        return f"{name!r} is a name with characters that cannot be shown; rename it"
    if entry.is_symlink():
        return f"{name} is a symbolic link; copy the file instead"
    if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
        return f"{name} is neither a file nor a folder; remove it"
    return ""


def _for_people(name: str) -> bool:
    stem, ending = os.path.splitext(name.lower())
    return stem in _FOR_PEOPLE and ending in _PROSE


def _contents(folder: Path, paths: dict[str, Path]) -> dict[str, bytes]:
    files, left = {}, MAX_BYTES
    for name, path in paths.items():
        try:
            # As it was when it was looked at: neither a link nor a pipe that has taken its place.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise ManifestError(str(folder), [f"{name} is no longer a file"])
                data = file.read(left + 1)
        except OSError as error:
            raise ManifestError(str(folder), [f"{name} cannot be read: {error.strerror}"]) from error
        left -= len(data)
        if left < 0:
            raise ManifestError(str(folder), [f"its files have more than {MAX_BYTES / 1e6:g} MB together"])
        files[name] = data
    return files
