"""Workflows and templates of the hosted repository: valid in form, and no stranger's code beside a secret."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())

_JOB = {"concurrency", "env", "environment", "name", "needs", "permissions", "runs-on", "steps", "strategy"} | {
    "timeout-minutes",
    "if",
}
_STEP = {"env", "id", "if", "name", "run", "shell", "timeout-minutes", "uses", "with", "working-directory"}
_TRUSTED = {"actions/checkout", "actions/setup-python", "actions/upload-artifact"}


def read(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return {"on" if name is True else name: value for name, value in document.items()}  # YAML 1.1 reads "on" as true


def steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_the_form_that_they_must(path: Path) -> None:
    document = read(path)
    assert (
        {"name", "on", "jobs", "permissions"} <= set(document) <= {"name", "on", "jobs", "permissions", "concurrency"}
    )
    assert document["permissions"] == {"contents": "read"}, "rights are given job by job"
    for job in document["jobs"].values():
        assert set(job) <= _JOB and {"runs-on", "steps"} <= set(job)
    for step in steps(document):
        assert set(step) <= _STEP and ("run" in step) != ("uses" in step)
        if "uses" in step:
            name, _, version = step["uses"].partition("@")
            assert name in _TRUSTED and re.fullmatch(r"v\d+", version)
            continue
        done = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "${{" not in step["run"], "what others write is handed over in variables, never put into a script"
        for script in re.findall(r"\.ci/\w+", step["run"]):
            assert os.access(ROOT / script, os.X_OK)


def test_a_pull_request_meets_no_secret_and_no_right() -> None:
    for path in WORKFLOWS:
        document, text = read(path), path.read_text(encoding="utf-8")
        assert "pull_request_target" not in document["on"] and "workflow_run" not in document["on"]
        if "pull_request" in document["on"]:
            assert "secrets." not in text and "environment:" not in text
            assert all("permissions" not in job for job in document["jobs"].values())


def test_the_salt_is_seen_by_one_step_and_deleted() -> None:
    document = read(ROOT / ".github" / "workflows" / "official.yml")
    assert set(document["on"]) == {"push", "workflow_dispatch"} and document["on"]["push"]["branches"] == ["main"]
    holding = [step for step in steps(document) if "secrets." in str(step)]
    assert len(holding) == 1 and "umask 077" in holding[0]["run"]
    forgets = [step for step in steps(document) if "rm -f" in step.get("run", "")]
    assert len(forgets) == 1 and forgets[0]["if"] == "always()"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound_bash(path: Path) -> None:
    assert os.access(path, os.X_OK) and path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in path.read_text()
    subprocess.run(["bash", "-n", str(path)], check=True)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_ask_for_something(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    for item in form["body"]:
        assert item["type"] in ("input", "textarea", "dropdown", "markdown") and item["attributes"]["label"]
