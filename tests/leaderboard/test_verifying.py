"""``leakboard verify`` and ``compare`` as commands: exit codes, the file beside the records, shapes of answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import main
from harness.integrity.verifications import read_verification
from harness.store.bundles import write_bundle
from leaderboard.records import collect_records
from tests.stand_ins.stored_results import Defended, records

ROOT = Path(__file__).resolve().parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int) -> dict[str, Any]:
    """The answer of a command, its fields those of docs/json.md."""
    with pytest.raises(SystemExit) as left:
        main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert int(left.value.code or 0) == code, printed.err
    content = json.loads(printed.out)
    section = (ROOT / "docs" / "json.md").read_text().partition(f"\n## {content['format']}\n")[2].partition("\n## ")[0]
    assert set(content) == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    return dict(content)


def test_what_cannot_be_computed_ends_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = list(records([Defended("stranger")], suite="forgotten@7", n=4))
    write_bundle(tmp_path / "r" / "a.jsonl.gz", written)
    (row,) = run(capsys, "verify", tmp_path / "r", "--verifier", "tests", code=3)["verifications"]
    assert row["outcome"] == "incomplete" and "suite" in next(iter(row["missing"].values()))
    said = read_verification(Path(row["file"]))
    assert Path(row["file"]).parent == tmp_path / "r" and said.verifier == "tests"
    assert collect_records([tmp_path / "r"]).verifications == [said], "it travels with the records"


def test_nothing_to_verify_is_said(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records([Defended("stranger")], n=4)))
    with pytest.raises(SystemExit) as left:
        main(["verify", str(tmp_path), "--only", "nobody"])
    assert left.value.code == 2


def test_a_comparison_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side, leak in (("a", 0.3), ("b", 0.6)):
        rows = [Defended("none"), Defended("gaussian_noise", 0, leak, 0.8)]
        write_bundle(tmp_path / f"{side}.jsonl.gz", list(records(rows, entries=("skills-cut0",))))
    answer = run(capsys, "compare", tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz", code=0)
    assert [row["same"] for row in answer["rows"]] == [False, True]
    assert answer["rows"][0]["privacy"]["difference"] > 0
