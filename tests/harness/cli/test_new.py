"""``leakboard new`` makes attacks and scenarios whose own tests pass, and that are found once they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.evaluation.attack_check import check_attack
from harness.evaluation.scenario_check import check_scenario
from harness.evaluation.trial import Checked
from harness.plugins import registry
from tests.stand_ins.installed_plugin import install

ROOT = Path(__file__).resolve().parents[3]


def make(folder: Path, *arguments: str) -> int:
    """Exit code of ``leakboard new``."""
    with pytest.raises(SystemExit) as caught:
        main(["new", *arguments, "--in", str(folder)])
    return int(caught.value.code or 0)


@pytest.mark.slow
def test_what_is_made_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry point names it, it passes its check as if it were installed, and its own tests pass."""
    checks: dict[str, Callable[[str], Checked]] = {"attack": check_attack, "scenario": check_scenario}
    packages = {f"fresh_{kind}": tmp_path / f"fresh_{kind}" for kind in checks}
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*map(str, packages.values()), str(ROOT)]))
    for kind, (name, package) in zip(checks, packages.items(), strict=True):
        assert make(tmp_path, f"--{kind}", name) == 0
        declared = tomllib.loads((package / "pyproject.toml").read_text())
        assert declared["project"]["entry-points"][registry.GROUP] == {name: name}
        install(name, package, monkeypatch)
        assert checks[kind](name).problems == ()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, packages.values())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_that_hide_a_module_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path, "--attack", "json") == 2
    assert "Python module 'json'" in capsys.readouterr().err
    assert make(tmp_path, "--attack", "--scenario", "fine") == 2
    assert "exclude each other" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
