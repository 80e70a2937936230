from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from harness.store import provenance
from harness.util.process import pin_threads

if TYPE_CHECKING:
    import pytest

ROOT = Path(provenance.__file__).resolve().parents[2]


def test_environment_describes_this_process() -> None:
    before = torch.get_num_threads()
    try:
        pin_threads(2)
        assert torch.get_num_threads() == 2
        pin_threads(1)
        found = provenance.environment("cpu")
    finally:
        pin_threads(before)
    assert found.threads == 1
    assert found.packages["torch"] == metadata.version("torch")
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.device == "cpu"
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found.created)).total_seconds()) < 60
    assert torch.get_num_threads() == before


def test_threads_are_pinned_in_libraries_loaded_before_and_after() -> None:
    code = """
import numpy, threadpoolctl
from harness.util.process import pin_threads
numpy.zeros((2, 2)) @ numpy.zeros((2, 2))
pin_threads(1)
import scipy.linalg, sklearn.linear_model
found = threadpoolctl.threadpool_info()
assert len(found) >= 3, found
assert {one["num_threads"] for one in found} == {1}, found
"""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=free, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_and_dirty_flag(tmp_path: Path) -> None:
    assert provenance.source_commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert provenance.source_commit(tmp_path) is None
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.source_commit(tmp_path) == commit
    (tmp_path / "file").write_text("2")
    assert provenance.source_commit(tmp_path) == f"{commit}+dirty"


def test_no_git_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.source_commit(tmp_path) is None


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, harness.store.provenance; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
