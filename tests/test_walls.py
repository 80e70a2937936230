"""Imports run one way: all import the harness, it imports nothing but itself, and plugins not each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = {"harness", "attacks", "scenarios", "leaderboard", "submissions", "tests", "benchmarks"}
MAY_IMPORT = {
    "harness": {"harness"},
    "attacks": {"harness", "attacks"},
    "scenarios": {"harness", "scenarios"},
    "leaderboard": {"harness", "leaderboard"},
}


def imported(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Absolute imports of a file anywhere in it: (module, names taken from it)."""
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", [alias.name for alias in node.names]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_run_one_way(folder: str) -> None:
    crossings = [
        f"{file.relative_to(ROOT)}: {module}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for module, _ in imported(file)
        if (top := module.partition(".")[0]) in HOUSE and top not in MAY_IMPORT[folder]
    ]
    assert not crossings


@pytest.mark.parametrize(("folder", "door"), [("attacks", "harness.attack"), ("scenarios", "harness.scenario")])
def test_plugins_use_their_front_door_alone(folder: str, door: str) -> None:
    past = [
        f"{file.relative_to(ROOT)}: {module}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for module, _ in imported(file)
        if module.partition(".")[0] == "harness" and module != door
    ]
    assert not past


def public_names() -> set[str]:
    """``harness.__all__`` as its file writes it."""
    for node in ast.parse((ROOT / "harness" / "__init__.py").read_bytes()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError("harness/__init__.py has no __all__")


@pytest.mark.parametrize("folder", sorted((ROOT / "submissions").glob("*/"), key=str), ids=lambda folder: folder.name)
def test_submissions_use_the_public_interface_alone(folder: Path) -> None:
    own = {file.stem for file in folder.glob("*.py")}
    public = public_names()
    for file in folder.rglob("*.py"):
        for module, names in imported(file):
            top = module.partition(".")[0]
            if top == "harness":
                assert module == "harness", f"{file}: import from harness itself, not from {module}"
                assert names, f"{file}: name what is imported from harness"
                assert set(names) <= public, f"{file}: {set(names) - public} is not public"
            else:
                assert top in {*sys.stdlib_module_names, "torch", "scipy", "dp_accounting", *own}, f"{file}: {module}"


def test_public_interface_is_small_and_real() -> None:
    import harness

    names = public_names()
    assert len(names) <= 20
    assert all(getattr(harness, name) is not None for name in names)


@pytest.mark.parametrize("face", ["harness", "harness.attack", "harness.scenario"])
def test_importing_a_front_door_is_light(face: str) -> None:
    code = (
        f"import sys, {face}\n"
        "heavy = {'torch', 'numpy', 'pandas', 'transformers', 'datasets', 'evaluate', 'duckdb', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
