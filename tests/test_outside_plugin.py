"""A package outside the checkout brings an attack, a scenario, a suite and a defense, and all of them work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.store import Store

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests" / "outside_plugin"

Leakboard = Callable[..., Any]
"""Arguments of the command -> what it answers in JSON."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the checkout with a copy of the package in ``source`` and its installation in ``site``."""
    home = tmp_path_factory.mktemp("outside")
    shutil.copytree(SOURCE, home / "source", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(home / "site"), str(home / "source")]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def leakboard(workplace: Path) -> Leakboard:
    """The command in a process of its own that has the package installed."""

    def call(*arguments: str) -> Any:
        path = os.pathsep.join([str(workplace / "site"), str(ROOT)])
        command = [sys.executable, "-m", "harness.cli", *arguments, "--json"]
        done = subprocess.run(
            command,
            cwd=workplace,
            env={**os.environ, "PYTHONPATH": path, "LEAKBOARD_STORE": str(workplace / "store.duckdb")},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"), [("attacks", "count_shares"), ("scenarios", "shared_counts"), ("suites", "outside-quick")]
)
def test_it_is_listed(leakboard: Leakboard, kind: str, name: str) -> None:
    answer = leakboard("list", kind)
    assert answer["problems"] == []
    assert name in {item["name"] for item in answer["items"]}


def test_its_defense_is_evaluated_on_its_suite(leakboard: Leakboard, workplace: Path) -> None:
    answer = leakboard("evaluate", str(workplace / "source" / "noisy_counts"), "--suite", "outside-quick")
    assert answer["rows"]
    with Store.open(workplace / "store.duckdb") as store:
        rows = store.query("SELECT submission, variant, status FROM cells WHERE name = 'count_shares'")
    cells = {(row["submission"], row["variant"]): row["status"] for row in rows}
    variants = ("oblivious", "adaptive")
    assert cells == {(name, variant): "ok" for name in ("none", "noisy_counts") for variant in variants}
