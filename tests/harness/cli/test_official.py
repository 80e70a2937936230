"""``leakboard official`` and ``environment``: answers, exit codes, and the shapes that docs/json.md has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import main

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def documented(shape: str) -> set[str]:
    """Fields of the table under a heading of docs/json.md."""
    section = (ROOT / "docs" / "json.md").read_text().partition(f"\n## {shape}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def answer(capsys: pytest.CaptureFixture[str], shape: str) -> dict[str, Any]:
    content = json.loads(capsys.readouterr().out)
    assert content["format"] == shape and set(content) == documented(shape)
    return dict(content)


def test_a_seal_from_draw_to_reveal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal, salt = tmp_path / "q.seal.json", tmp_path / "q.salt"
    assert run("official", "seal", seal, "--salt-file", salt, "--json") == 0
    made = answer(capsys, "seal/1")
    assert not made["revealed"] and [event["kind"] for event in made["events"]] == ["sealed"]
    assert run("official", "seal", seal, "--salt-file", tmp_path / "other.salt") == 2
    assert "made once" in capsys.readouterr().err and not (tmp_path / "other.salt").exists()
    assert run("evaluate", "none", "--seal", seal) == 2
    assert "not revealed yet" in capsys.readouterr().err
    assert run("official", "reveal", seal, "--salt-file", salt) == 0
    assert salt.read_text().strip() not in capsys.readouterr().out, "the file has it, the terminal need not"
    assert run("official", "show", seal, "--json", "--head", made["head"]) == 0
    assert answer(capsys, "seal/1")["revealed"]
    assert run("official", "show", seal, "--head", "ab" * 32) == 1
    assert "rewritten" in capsys.readouterr().err
    assert run("official", "reveal", seal, "--salt-file", salt) == 2


def test_a_lock_is_written_and_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "a.lock"
    assert run("environment", "lock", lock, "--json") == 0
    assert answer(capsys, "environment/1")["packages"]["numpy"]
    assert run("environment", "check", lock) == 0
    lock.write_text(re.sub(r"^numpy==.*$", "numpy==1.0", lock.read_text(), flags=re.MULTILINE))
    capsys.readouterr()
    assert run("environment", "check", lock, "--json") == 1
    (problem,) = answer(capsys, "environment/1")["problems"]
    assert problem.startswith("numpy: 1.0 in the lock")
