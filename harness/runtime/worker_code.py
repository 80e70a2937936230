"""The source files that a worker needs, read off its imports: what is not among them, no submission can read.

Imports inside functions count, those for type checkers do not. A name that is taken from a lazy face
(:mod:`harness.util.faces`) leads to the room that it comes from; the other rooms of that face do not count.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from harness.errors import UnknownName

__all__ = ["ROOTS", "worker_code"]

ROOTS = ("harness.runtime.fork_server", "harness.runtime.worker", "harness.runtime.host")
"""Modules of the harness that start a worker; with them comes everything that ``harness`` itself offers."""


def worker_code(modules: Iterable[str]) -> dict[str, Path]:
    """Module -> file of ``modules`` and of all that they import from their own top-level packages or the harness.

    Parents of a module are among them: they are executed when it is imported.

    Raises:
        UnknownName: one of ``modules`` has no file.
        SyntaxError: one of the files cannot be parsed.
    """
    waiting = [*modules]
    files: dict[str, Path] = {}
    for name in waiting:
        if _file(name) is None:
            raise UnknownName(f"no source file of module {name!r}; private parties need one to run in a sandbox")
    packages = {name.partition(".")[0] for name in waiting} | {"harness"}
    while waiting:
        name = waiting.pop()
        file = _file(name) if name.partition(".")[0] in packages else None
        if file is None or name in files:
            continue
        files[name] = file
        waiting += [name.rpartition(".")[0]] if "." in name else []
        waiting += _imported(name, file)
    return dict(sorted(files.items()))


@lru_cache(maxsize=4096)
def _imported(name: str, file: Path) -> tuple[str, ...]:
    return tuple(_imports(ast.parse(file.read_bytes(), str(file)), name, file))


def _imports(tree: ast.AST, name: str, file: Path) -> Iterator[str]:
    """Modules that ``tree`` imports, or may import from."""
    parent = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = ".".join(parent.split(".")[: len(parent.split(".")) - node.level + 1])
                source = f"{above}.{source}" if source else above
            yield source
            rooms = _rooms(source)
            for alias in node.names:
                yield rooms.get(alias.name, f"{source}.{alias.name}")
    if name == "harness":
        # What a submission may ask for, nobody else has to have asked for.
        yield from _rooms(name).values()


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those in blocks for type checkers."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        checked = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        inner = node.orelse if checked and isinstance(node, ast.If) else ast.iter_child_nodes(node)
        waiting += inner


@lru_cache(maxsize=256)
def _rooms(face: str) -> Mapping[str, str]:
    """Public name -> module of a lazy face; empty where ``face`` is none."""
    file = _file(face)
    for node in ast.parse(file.read_bytes(), str(file)).body if file else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_ROOMS":
            rooms: dict[str, str] = ast.literal_eval(node.value)
            return {name: room for room, names in rooms.items() for name in names.split()}
    return {}


@lru_cache(maxsize=4096)
def _file(name: str) -> Path | None:
    """The file of a module, without importing it or its parents; None if there is none."""
    first, *rest = name.split(".")
    spec = importlib.util.find_spec(first) if first.isidentifier() else None
    if spec is None or spec.origin is None:
        return None
    if not spec.submodule_search_locations:
        return Path(spec.origin) if not rest and spec.origin.endswith(".py") else None
    base = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    candidates = [base / "__init__.py"] + ([base.with_name(f"{base.name}.py")] if rest else [])
    return next((file for file in candidates if file.is_file()), None)
