"""The walk of docs/official-runs.md, performed: a stranger's folder becomes a row that is sealed, then verified.

Two checkouts, two caches and two stores stand for two machines; what passes between them are the published files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.runtime.sandbox import sandbox_problems
from tests.stand_ins.toy_suite import write_toy_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("harness", "attacks", "scenarios", "leaderboard", ".ci")
SUBMISSIONS = ("none", "pure_noise")
MANIFEST = """
name = "stranger"
title = "Clipped noise of a stranger"
summary = "Adds noise to every hidden state."
authors = ["A. Stranger"]
licence = "MIT"
class = "defense:Noise"
source = "none"
scenarios = ["split_llm"]

[[points]]
label = "sigma 0.1"
"""
DEFENSE = """
from harness import Defense


class Noise(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=None, scale=0.1))
"""


@dataclass(frozen=True)
class Machine:
    """A checkout with a cache of its own."""

    root: Path
    cache: Path

    def run(self, *command: str, code: int = 0, variables: Mapping[str, str] | None = None) -> str:
        """Run a command in the checkout; returns what it printed on standard output."""
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {
            "LEAKBOARD": f"{sys.executable} -m harness.cli",
            "LEAKBOARD_CACHE": str(self.cache),
            "OMP_WAIT_POLICY": "PASSIVE",
            "SUITE": "toysuite",
        }
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**keep, **own, **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def leakboard(self, *arguments: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "harness.cli", *arguments, code=code)

    def git(self, *arguments: str) -> str:
        return self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments).strip()

    def commit(self, words: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", words)
        return self.git("rev-parse", "HEAD")

    def states(self, *sources: str) -> dict[str, str]:
        """Submission -> state of its row on a board of some records."""
        self.leakboard("build", *sources, "--output", "look.duckdb", "--store", "look-store.duckdb")
        code = (
            "import json; from leaderboard.queries import open_board; from pathlib import Path;"
            "f = open_board(Path('look.duckdb')).board();"
            "print(json.dumps(dict(zip(f['suite'] + '/' + f['submission'], f['verified']))))"
        )
        return dict(json.loads(self.run(sys.executable, "-c", code)))


def checkout(root: Path, cache: Path, toy_folder: Path, toy_csv: Path) -> Machine:
    """A bare checkout of the houses, with a few submissions, a tiny suite and no results."""
    for house in HOUSES:
        shutil.copytree(ROOT / house, root / house, ignore=shutil.ignore_patterns("__pycache__", "suites"))
    for name in SUBMISSIONS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "submissions" / name, root / "submissions" / name, ignore=ignored)
    (root / "scenarios" / "suites").mkdir(exist_ok=True)
    write_toy_suite(root / "scenarios" / "suites" / "toysuite.toml", toy_folder, toy_csv)
    (root / ".gitignore").write_text("__pycache__/\n*.duckdb*\n*.files/\n/submitted/\n/secret/\n")
    machine = Machine(root, cache)
    machine.git("init", "-q", "-b", "main")
    machine.commit("The harness")
    return machine


@pytest.fixture
def isolation() -> str:
    problems = sandbox_problems()
    if problems and all(problems.get(level) for level in ("bubblewrap", "landlock")):
        pytest.skip(f"no sandbox here: {problems}")
    return "sandbox"


def test_from_a_strangers_folder_to_a_verified_row(
    tmp_path: Path, toy_folder: Path, toy_csv: Path, isolation: str
) -> None:
    host = checkout(tmp_path / "host", tmp_path / "host-cache", toy_folder, toy_csv)
    # The season begins: a salt is drawn, its hash is published.
    host.leakboard("official", "seal", "official/toy-1.seal.json", "--salt-file", "secret/salt")
    base = host.commit("Seal of the season")

    # A stranger's folder, tried at home, then as a pull request: the same script, no secrets.
    folder = host.root / "submissions" / "stranger"
    folder.mkdir()
    (folder / "submission.toml").write_text(MANIFEST)
    (folder / "defense.py").write_text(DEFENSE)
    missing = host.leakboard("submit", "submissions/stranger", "--suite", "toysuite", code=1)
    assert "README.md is missing" in missing
    (folder / "README.md").write_text("Noise. Tuned on nothing.\n")
    tried = host.leakboard("submit", "submissions/stranger", "--suite", "toysuite")
    assert "Nothing is missing" in tried and "sigma 0" in tried
    host.commit("A submission")
    host.run(".ci/submission", base, "submitted/pr")
    written = (host.root / "submitted" / "pr" / "stranger" / "summary.md").read_text()
    assert "Nothing is missing" in written
    theirs = host.states("submitted/pr/stranger/records")
    assert theirs["toysuite@1/stranger"] == "measured here", "whoever builds a board from records vouches for them"

    # A change beside the folder is no submission.
    errors = host.root / "harness" / "errors.py"
    errors.write_text(errors.read_text() + "# helpful\n")
    host.commit("Something else")
    host.run(".ci/submission", base, "submitted/other", code=1)
    host.git("reset", "-q", "--hard", "HEAD~1")

    # Merged: the trusted job.
    trusted = {
        "SEAL": "official/toy-1.seal.json",
        "SALT_FILE": "secret/salt",
        "STORE": "board.duckdb",
        "SAMPLE": "3",
    } | {"ISOLATION": isolation}
    host.run(".ci/official", base, variables=trusted)
    seal = json.loads((host.root / trusted["SEAL"]).read_text())
    label = f"toysuite@1 sealed {seal['commitment'][:8]}"
    assert [event["kind"] for event in seal["events"]] == ["sealed", "begun", "finished"]
    assert host.states("board.duckdb")[f"{label}/stranger"] == "sealed"
    archive = next((host.root / "official").glob("*.records.enc"))
    assert b"jsonl" not in archive.read_bytes()
    host.commit("Official run")
    with_secret = host.git("ls-files")
    assert "secret/salt" not in with_secret and "official/toy-1.seal.json" in with_secret

    # The season ends.
    head = host.leakboard("official", "show", trusted["SEAL"]).rpartition("head ")[2].strip()
    host.run(".ci/reveal", trusted["SEAL"], "secret/salt", "results", variables={"STORE": "board.duckdb"})
    host.commit("Reveal")
    assert host.states("results")[f"{label}/stranger"] == "sealed", "it came before the reveal"

    # Somebody else, elsewhere: from what is published alone.
    other = Machine(tmp_path / "other", tmp_path / "other-cache")
    subprocess.run(["git", "clone", "-q", str(host.root), str(other.root)], check=True)
    other.leakboard("official", "show", trusted["SEAL"], "--head", head)
    records = str(next((other.root / "results").glob("toysuite@1-*")).relative_to(other.root))
    said = other.leakboard("verify", records, "--seal", trusted["SEAL"], "--verifier", "elsewhere", "--output", "said")
    assert "stranger on toysuite@1: verified" in said
    again = other.leakboard("compare", records, records, "--json")
    assert all(row["same"] for row in json.loads(again)["rows"])

    # What they found is taken over by who trusts them.
    shutil.copytree(other.root / "said", host.root / "results" / "verifications")
    states = host.states("results")
    assert states[f"{label}/stranger"] == "verified" and states[f"{label}/none"] == "verified"

    # A source that came after the reveal is never sealed.
    (folder / "defense.py").write_text(DEFENSE.replace("0.1", "0.2"))
    late = host.commit("Another version")
    host.run(".ci/official", f"{late}~1", code=2, variables=trusted)
