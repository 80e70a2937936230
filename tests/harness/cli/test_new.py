"""``leakboard new`` makes attacks and scenarios whose own tests pass, and that are found once they are installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.evaluation.attack_check import check_attack
from harness.evaluation.scenario_check import check_scenario
from harness.plugins import registry

ROOT = Path(__file__).resolve().parents[3]


def make(folder: Path, *arguments: str) -> int:
    """Exit code of ``leakboard new``."""
    with pytest.raises(SystemExit) as caught:
        main(["new", *arguments, "--in", str(folder)])
    return int(caught.value.code or 0)


@pytest.fixture(params=["--attack", "--scenario"])
def package(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new package, its folder on the path and its table among the plugins as if it were installed."""
    name = f"fresh_{request.param.strip('-')}"
    assert make(tmp_path, request.param, name) == 0
    folder = tmp_path / name
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))
    modules = list(registry._modules())
    monkeypatch.setattr(registry, "_modules", lambda: iter([*modules, name]))
    return folder


def test_what_is_made_passes_its_check(package: Path) -> None:
    name = package.name
    checked = check_attack(name) if "attack" in name else check_scenario(name)
    assert checked.problems == ()


def test_what_is_made_passes_its_own_tests(package: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_made_is_an_entry_point(package: Path) -> None:
    text = (package / "pyproject.toml").read_text()
    assert re.search(rf'\[project.entry-points."{registry.GROUP}"\]\n{package.name} = "{package.name}"', text)


def test_names_that_hide_a_module_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path, "--attack", "json") == 2
    assert "Python module 'json'" in capsys.readouterr().err
    assert make(tmp_path, "--attack", "--scenario", "fine") == 2
    assert "exclude each other" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
