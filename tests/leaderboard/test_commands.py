"""The verbs: ingest, pack, build; and that the command line stays light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.plugins.registry import discover
from harness.store.bundles import write_bundle
from leaderboard.queries import open_board
from tests.stand_ins.stored_results import TINY, records

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_from_bundle_to_store_to_board_to_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:2], n=4)))
    store = tmp_path / "s.duckdb"
    assert run("ingest", tmp_path / "a.jsonl.gz", "--store", store, "--trusted", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["format"] == "ingest/1" and printed["known"] == 0 and printed["new"] > 10
    assert run("build", store, "--store", store) == 0
    assert "standard-small@2" in capsys.readouterr().out
    assert len(open_board(tmp_path / "s.board.duckdb").board()) == 4
    assert run("pack", tmp_path / "out", "--store", store, "--suite", "standard-small", "--parquet", "--json") == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(file["path"]).name for file in files] == ["gaussian_noise.parquet", "none.parquet"]


def test_conflicts_end_in_a_message_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = list(records(TINY[:1], n=4))
    write_bundle(tmp_path / "a.jsonl.gz", plain)
    write_bundle(tmp_path / "b.jsonl.gz", [r.model_copy(update={"scenario": "other"}) for r in plain[:2]])
    assert run("ingest", tmp_path, "--store", tmp_path / "s.duckdb") == 2
    assert "2 conflicting" in capsys.readouterr().err
    assert not (tmp_path / "s.duckdb").exists()


def test_verbs_are_found_and_importing_them_is_light() -> None:
    assert {"board", "export", "ingest", "pack", "build"} <= set(discover().targets["command"])
    code = (
        "import sys\n"
        "from harness.cli.app import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'duckdb', 'pyarrow', 'streamlit', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_board_is_shipped_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(tmp_path / "results" / "suite" / "none.jsonl.gz", list(records(TINY[:1], n=4)))
    monkeypatch.chdir(tmp_path)
    assert run("build", "--ship", "--output", tmp_path / "b.duckdb") == 0
    assert (tmp_path / "results" / "board.duckdb.gz").is_file()
    assert run("board", "--store", tmp_path / "s.duckdb", "--export", tmp_path / "site") == 0
    assert "None" not in (tmp_path / "site" / "index.html").read_text()
    assert run("build", tmp_path / "results", "--ship") == 2  # of the shipped results alone


def test_build_names_broken_submissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:1], n=4)))
    (tmp_path / "submissions" / "unfinished").mkdir(parents=True)
    (tmp_path / "submissions" / "unfinished" / "submission.toml").write_text("name = 3\n")
    monkeypatch.chdir(tmp_path)
    assert run("build", tmp_path / "a.jsonl.gz", "--output", tmp_path / "b.duckdb") == 0
    printed = capsys.readouterr()
    assert "submission unfinished is broken: " in printed.err and "standard-small@2" in printed.out
