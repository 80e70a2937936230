"""Imports keep the order that pyproject.toml declares, and no two modules import each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("harness", "attacks", "scenarios", "leaderboard")
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
"""What the command ``lint-imports`` calls; the command itself may not be on the path."""


def cycles(modules: Iterable[str], imports: Callable[[str], Iterable[str]]) -> Iterator[set[str]]:
    """Largest sets of modules of which each is reached from each other (Tarjan 1972), without those of one module."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> Iterator[set[str]]:
        number[module] = lowest[module] = len(number)
        path.append(module)
        for other in imports(module):
            if other not in number:
                yield from visit(other)
            if other in path:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            start = path.index(module)
            component = set(path[start:])
            del path[start:]
            if len(component) > 1:
                yield component

    for module in sorted(modules):
        if module not in number:
            yield from visit(module)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": "b", "b": "c", "c": ""}, []),
        ({"a": "b", "b": "a", "c": "a"}, [{"a", "b"}]),
        ({"a": "b", "b": "c", "c": "a", "d": "ae", "e": "d"}, [{"a", "b", "c"}, {"d", "e"}]),
    ],
)
def test_cycles_are_found(graph: dict[str, str], expected: list[set[str]]) -> None:
    assert list(cycles(graph, graph.__getitem__)) == expected


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions and those of type checkers alone count like all others."""
    graph = grimp.build_graph(*HOUSES, cache_dir=None, exclude_type_checking_imports=False)
    assert list(cycles(graph.modules, graph.find_modules_directly_imported_by)) == []


def test_import_contracts_are_kept() -> None:
    command = [sys.executable, "-c", LINT, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
