"""The export verb: files, standard output, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.app import main
from leaderboard.export.command import today
from tests.stand_ins.stored_results import TINY, records, write_records


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of records."""
    return write_records(tmp_path_factory.mktemp("records") / "mine.files", records(TINY[:2], n=8))


Run = Callable[..., tuple[int, str, bytes]]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs ``leakboard export``: exit code, messages and standard output."""

    def call(*words: str) -> tuple[int, str, bytes]:
        with pytest.raises(SystemExit) as left:
            main(["export", *words])
        out, err = capsysbinary.readouterr()
        return int(left.value.code or 0), err.decode(), out

    return call


def test_standard_output(run: Run, folder: Path) -> None:
    code, _, out = run("board", "--store", str(folder))
    assert code == 0 and b"\\begin{table*}" in out and f"--store {folder}".encode() in out
    code, _, out = run("overall", "-f", "csv", "--no-comment", "--store", str(folder))
    assert code == 0 and out.startswith(b"suite,")


def test_format_follows_the_file(run: Run, folder: Path, tmp_path: Path) -> None:
    for name, start in (("a.md", b"<!--"), ("a.parquet", b"PAR1"), ("a.bib", b"% made by"), ("a.html", b"<!DOCTYPE")):
        assert run("board", "-o", str(tmp_path / name), "--store", str(folder))[0] == 0
        assert (tmp_path / name).read_bytes().startswith(start)
    assert run("tradeoff", "-o", str(tmp_path / "a.svg"), "--store", str(folder))[0] == 0
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_refusals(run: Run, folder: Path, tmp_path: Path) -> None:
    code, errors, _ = run("board", "-f", "pdf", "--store", str(folder))
    assert code == 2 and "board has no pdf" in errors
    code, errors, _ = run("board", "-o", str(tmp_path / "no" / "a.tex"), "--store", str(folder))
    assert code == 2 and "there is no folder" in errors
    code, errors, _ = run("board", "--weights", "1,2", "--store", str(folder))
    assert code == 2 and "three numbers" in errors
    code, errors, _ = run("board", "--weights", "1,2,3", "--store", str(folder))
    assert code == 2 and "summing to 1" in errors


def test_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert today() == "1970-01-01"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert today() >= "2026"


def test_importing_the_verb_is_light() -> None:
    import subprocess
    import sys

    heavy = "{'pandas', 'duckdb', 'matplotlib', 'pyarrow', 'numpy', 'great_tables', 'streamlit'}"
    code = f"import sys, leaderboard.export.command; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
