"""Content addresses: equal inputs give equal keys on every machine, and changed code changes the key.

A key hashes a canonical form of what a result depends on. Source hashes are found by reading files, never
by importing them, so that asking for the key of an attack costs milliseconds and runs nobody's code.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import ManifestError, UnknownName
from harness.util.trees import read_files

__all__ = ["HOUSES", "canonical", "code_digest", "files_hash", "key", "source_hash", "tree_hash"]

HOUSES = ("harness", "attacks", "scenarios", "leaderboard")
"""Top-level packages whose inner order may change without changing a key."""

_HOUSE_PATH = re.compile(rf"({'|'.join(HOUSES)})(\.\w+)+(:\w+)?")
_SILENT = frozenset({"ctx", "type_comment", "kind"})

_RESULT_FIELDS = ("class", "secret_state")
"""What of a submission.toml can change a result; parameters are keyed by operating point."""


def canonical(value: object) -> bytes:
    """The one JSON form of ``value``: sorted keys, no spaces, shortest round-trip floats, tuples as lists.

    Raises:
        ValueError: something in it is not plain data, a mapping key is not text, or a number is not finite.
    """
    text = json.dumps(_plain(value, "value"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def key(*parts: object, **named: object) -> str:
    """32 hexadecimal digits: the first half of the SHA-256 of the canonical form of all arguments."""
    return hashlib.sha256(canonical([parts, named])).hexdigest()[:32]


def source_hash(module_name: str, package: str) -> str:
    """SHA-256 over what a module and every module of ``package`` that it imports, directly or not, compute.

    ``package`` is the top-level package that ``module_name`` lives in. Imports are read off the syntax tree,
    wherever in the file they stand; nothing is executed, so imports by computed name are not seen. The
    ``__init__`` of a parent package counts only where a name is imported from it: registering a new attack
    there leaves its neighbours' keys alone.

    What counts of a module is its syntax tree (:func:`code_digest`), and the hash is over the sorted set of these,
    without names: comments, docstrings, formatting, and moving a module to another place keep the hash.

    Raises:
        UnknownName: there is no such package, or no such module in it.
        SyntaxError: one of the files cannot be parsed.
    """
    root = _package_root(package)
    if _module_file(root, module_name) is None:
        raise UnknownName(f"no module {module_name!r} in package {package!r} at {root}")
    digests: dict[str, str] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        file = _module_file(root, name)
        if name in digests or file is None:
            continue
        imported, digests[name] = _read_module(file.read_bytes(), name, file, package)
        waiting += [inner if _module_file(root, inner) else source for source, inner in imported]
    return hashlib.sha256(canonical(sorted(set(digests.values())))).hexdigest()


@lru_cache(maxsize=4096)
def _read_module(source: bytes, name: str, file: Path, package: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Imports of a module (:func:`_imports`) and its digest; read once for all the modules that import it."""
    tree = ast.parse(source, str(file))
    return tuple(_imports(tree, name, file)), code_digest(tree, package)


def code_digest(tree: ast.Module, package: str = "") -> str:
    """SHA-256 over the syntax tree of a module, less what cannot change a result.

    Left out are docstrings and other bare strings, ``__all__``, positions, blocks for type checkers, and the module
    paths of imports from the four houses or from ``package``: it does not matter from where a name is imported, nor
    text that names a place there (``attacks.x:Y``). What the imported modules compute counts through
    :func:`source_hash`.
    """
    own = {*HOUSES, package}
    renamed: set[tuple[str, str]] = set()
    body = _shape(tree, own, renamed)
    return hashlib.sha256(canonical([body, sorted(renamed)])).hexdigest()


def tree_hash(folder: Path) -> str:
    """SHA-256 over the files of a submission that count (:func:`harness.util.trees.read_files`).

    Of ``submission.toml`` only the fields that can change a result count, so a new title keeps all keys.

    Raises:
        ManifestError: the manifest is not TOML, or the folder holds what :func:`harness.util.trees.read_files` refuses.
    """
    return files_hash(read_files(folder), folder)


def files_hash(files: Mapping[str, bytes], folder: Path) -> str:
    """:func:`tree_hash` of a folder whose counting files were read already."""
    digests = [[name, hashlib.sha256(_content(name, data, folder)).hexdigest()] for name, data in sorted(files.items())]
    return hashlib.sha256(canonical(digests)).hexdigest()


def _plain(value: object, where: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ValueError(f"{where} is {value}; only finite numbers can be part of a key")
    if isinstance(value, Mapping):
        if odd := [name for name in value if not isinstance(name, str)]:
            raise ValueError(f"{where} has the mapping key {odd[0]!r}; only text can be a mapping key")
        return {name: _plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise ValueError(f"{where} is a {type(value).__name__}; keys are made of text, numbers, lists and mappings")


def _shape(node: Any, own: set[str], renamed: set[tuple[str, str]]) -> Any:
    """Plain data for a node; imports from ``own`` packages under another name are put into ``renamed``."""
    if isinstance(node, list):
        shapes = [_shape(item, own, renamed) for item in node if not _is_silent(item, own, renamed)]
        return shapes or None
    if isinstance(node, ast.Constant):
        is_place = isinstance(node.value, str) and _HOUSE_PATH.fullmatch(node.value)
        return [type(node.value).__name__, "" if is_place else repr(node.value)]
    if isinstance(node, ast.AST):
        shapes = [(name, _shape(value, own, renamed)) for name, value in ast.iter_fields(node) if name not in _SILENT]
        # Fields without content are left out: newer versions of Python add such fields to nodes.
        return [type(node).__name__, *([name, shape] for name, shape in shapes if shape is not None)]
    return node if node is None or isinstance(node, str | bool | int) else repr(node)


def _is_silent(item: Any, own: set[str], renamed: set[tuple[str, str]]) -> bool:
    """True where an item of a list of nodes cannot change what the code computes, or is counted in ``renamed``."""
    if isinstance(item, ast.ImportFrom) and (item.level or (item.module or "").partition(".")[0] in own):
        renamed.update((alias.name, alias.asname) for alias in item.names if alias.asname)
        return True
    if isinstance(item, ast.If):
        return isinstance(item.test, ast.Name) and item.test.id == "TYPE_CHECKING"
    if isinstance(item, ast.Assign):
        return [getattr(target, "id", "") for target in item.targets] == ["__all__"]
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)


def _package_root(package: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    for location in (spec.submodule_search_locations or []) if spec else []:
        if Path(location).is_dir():
            return Path(location)
    raise UnknownName(f"no top-level package {package!r} can be imported")


def _module_file(root: Path, name: str) -> Path | None:
    """The file of dotted ``name``, whose first part is the package at ``root``; None if there is none."""
    first, *rest = name.split(".")
    base = root.joinpath(*rest)
    candidates = [base / "__init__.py"] + ([base.with_name(f"{base.name}.py")] if rest else [])
    return next((file for file in candidates if first == root.name and file.is_file()), None)


def _imports(tree: ast.AST, name: str, file: Path) -> Iterator[tuple[str, str]]:
    """Dotted names of the modules that ``tree`` imports or imports from, relative ones resolved against the module
    ``name``, each with the name under which it would be a module if what is imported from it is one."""
    parent = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = ".".join(parent.split(".")[: len(parent.split(".")) - node.level + 1])
                source = f"{above}.{source}" if source else above
            yield from ((source, f"{source}.{alias.name}") for alias in node.names)


def _content(name: str, data: bytes, folder: Path) -> bytes:
    if name != "submission.toml":
        return data
    try:
        manifest = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(str(folder / name), [f"not TOML: {error}"]) from error
    return canonical({field: manifest[field] for field in _RESULT_FIELDS if field in manifest})
