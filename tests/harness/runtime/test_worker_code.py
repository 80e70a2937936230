"""The sources that a worker is given, and those that it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UnknownName
from harness.runtime.worker_code import ROOTS, worker_code

CLIENTS = (
    "scenarios.gradient_sharing.client",
    "scenarios.logit_kd.client",
    "scenarios.prototype_sharing.client",
    "scenarios.split_llm.client",
    "scenarios.split_llm.finetune_client",
    "scenarios.split_llm.lm_eval_client",
    "scenarios.synthetic_fusion.client",
)
PACKAGES = {"assets", "data", "defense", "dp", "errors", "lm_eval", "models", "protocol", "runtime", "store", "util"}
PACKAGES |= {"scenario", "wire"}
"""Packages of the harness of which a worker has something."""
ROOMS = {
    "harness.runtime": {
        "confinement",
        "defend_requests",
        "embedder",
        "fork_server",
        "frames",
        "host",
        "knobs",
        "landlock",
        "seccomp",
        "worker",
    },
    "harness.store": {"atomic", "schema"},
    "harness.lm_eval": {"prompts", "rows"},
    "harness.protocol": {"contract", "party", "split_learner", "training"},
    "harness.dp": {"mechanisms", "releases", "sensitivity"},
}
"""Packages of which a worker has these modules alone."""
SERVERS = {"server", "build", "secrets", "scenario", "settings"}


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return worker_code([*ROOTS, *CLIENTS])


def test_a_worker_has_no_scoring_no_attacks_and_no_server(files: dict[str, Path]) -> None:
    assert {name.partition(".")[0] for name in files} == {"harness", "scenarios"}
    assert {name.split(".")[1] for name in files if name.startswith("harness.")} == PACKAGES
    for package, rooms in ROOMS.items():
        assert {n.removeprefix(f"{package}.") for n in files if n.startswith(f"{package}.")} == rooms
    assert not [n for n in files if n.startswith("scenarios.") and n.rpartition(".")[2] in SERVERS]


def test_what_is_given_is_enough_and_alone(files: dict[str, Path], tmp_path: Path) -> None:
    """Only these files, in a folder of their own: every party function can be imported, and the front door."""
    for name, file in files.items():
        inside = tmp_path.joinpath(*name.split("."))
        copy = inside / "__init__.py" if file.name == "__init__.py" else inside.with_suffix(".py")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    lines = [
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})",
        f"import {', '.join((*ROOTS, *CLIENTS))}",
        "import harness; [getattr(harness, name) for name in harness.__all__]",
        f"assert harness.__file__.startswith({str(tmp_path)!r}), harness.__file__",
    ]
    done = subprocess.run([sys.executable, "-P", "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_face_gives_only_the_rooms_that_are_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = tmp_path / "worker_code_house"
    house.mkdir()
    (house / "__init__.py").write_text('_ROOMS = {"worker_code_house.a": "A", "worker_code_house.b": "B"}\n')
    (house / "a.py").write_text("def f():\n    from worker_code_house import c\n")
    (house / "b.py").write_text("")
    (house / "c.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import d\n")
    (house / "d.py").write_text("")
    (house / "client.py").write_text("from worker_code_house import A\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = {name for name in worker_code(["worker_code_house.client"]) if name.startswith("worker_code_house")}
    assert own == {"worker_code_house", *(f"worker_code_house.{name}" for name in ("a", "c", "client"))}


def test_a_module_without_a_file_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"no source file of module 'scenarios\.nothing'"):
        worker_code(["scenarios.nothing"])
