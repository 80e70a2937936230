"""Words of the four houses: docstrings that say what a thing is, names that say what they hold, no word of old."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("harness", "attacks", "scenarios", "leaderboard")

OPENINGS = frozenset({"What", "How", "Which", "Whether", "Who", "Whose", "Where", "When", "Why", "Of"})
"""Words that a docstring does not begin with: its first line is no question, and its subject comes first."""

VAGUE = frozenset({"found", "one", "mine", "told", "made"})
"""Names of locals that say nothing about what they hold; in one line they do no harm."""

FORMER = (
    "zygote|Zygote|Sight|Sighting|oddities|Panelled|usable_panels|Desk|Holdings|_Seat|Twin|swap_rows|secure_sum"
    "|tuned_two_rate_audit|save_features|load_features|Moves|privacy_schema"
)
"""Names that something else has replaced."""

ARCHAIC = "dear|borne|whence|thereof|wherein|hither|oft|lest"
"""Words that modern English has others for."""

CHECKS = ("openings", "archaic", "former", "vague")

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@cache
def parsed() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the four houses: its path below the root, and its tree."""
    files = sorted(file for house in HOUSES for file in (ROOT / house).rglob("*.py"))
    return tuple((file.relative_to(ROOT).as_posix(), ast.parse(file.read_bytes())) for file in files)


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name and docstring of a module and of everything defined in it."""
    for node in ast.walk(tree):
        if isinstance(node, Definition) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "module"), text


def identifiers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every identifier that the tree defines or uses, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for field in ("id", "attr", "arg", "name", "asname"):
            if isinstance(value := getattr(node, field, None), str):
                yield value.rpartition(".")[2], line


def bound(nodes: Iterator[ast.AST] | list[ast.expr]) -> set[str]:
    """Names that the targets among ``nodes`` bind."""
    return {leaf.id for node in nodes for leaf in ast.walk(node) if isinstance(leaf, ast.Name)}


def uses(node: ast.AST, name: str) -> Iterator[tuple[int, bool]]:
    """Lines on which the local ``name`` occurs, and whether it is set there; comprehensions have names of their own."""
    if isinstance(node, Comprehension) and name in bound([part.target for part in node.generators]):
        return
    if isinstance(node, ast.Lambda) and name in {argument.arg for argument in node.args.args}:
        return
    if isinstance(node, ast.Name) and node.id == name:
        yield node.lineno, isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.arg) and node.arg == name:
        yield node.lineno, True
    for child in ast.iter_child_nodes(node):
        yield from uses(child, name)


def vague_locals(function: Function) -> Iterator[str]:
    """Names of :data:`VAGUE` that a function sets and uses on more than one line."""
    leaves = [*ast.walk(function)]
    named = {leaf.id for leaf in leaves if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Store)}
    named |= {leaf.arg for leaf in leaves if isinstance(leaf, ast.arg)}
    for name in sorted(VAGUE & named):  # few functions set one, and where each is used takes long to tell
        places = list(uses(function, name))
        if len({line for line, _ in places}) > 1 and any(is_set for _, is_set in places):
            yield name


def problems(check: str) -> Iterator[tuple[str, str, str]]:
    """File, place and text of everything that breaks one rule."""
    for file, tree in parsed():
        if check == "openings":
            for name, text in docstrings(tree):
                if re.match(r"\w+", text.strip('`"(')) and text.split()[0].strip(",:") in OPENINGS:
                    yield file, name, text.splitlines()[0]
        elif check == "archaic":
            for name, text in docstrings(tree):
                if word := re.search(rf"\b({ARCHAIC})\b", text):
                    yield file, name, word[0]
        elif check == "former":
            for name, line in identifiers(tree):
                if re.fullmatch(FORMER, name):
                    yield file, str(line), name
            for name, text in docstrings(tree):
                if word := re.search(rf"\b({FORMER})\b", text):
                    yield file, name, word[0]
        else:
            for node in ast.walk(tree):
                if isinstance(node, Function):
                    for name in vague_locals(node):
                        yield file, node.name, name


@pytest.mark.parametrize("check", CHECKS)
def test_words_are_those_of_the_project(check: str) -> None:
    assert [f"{file}, {name}: {text}" for file, name, text in problems(check)] == []


def test_the_check_tells_one_line_from_several() -> None:
    tree = ast.parse("def f(x):\n    found = x\n    return found\ndef g(x):\n    return [one for one in x]\n")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [list(vague_locals(function)) for function in functions] == [["found"], []]
