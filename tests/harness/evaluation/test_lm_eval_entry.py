"""A suite entry whose utility is an lm-eval task: from plan to report on a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.evaluation.evaluate import evaluate
from harness.plugins.submission import Submission
from harness.scenario.toy import toy_model
from harness.store import Store
from tests.stand_ins.lm_eval_tasks import toy_task
from tests.stand_ins.quiet_progress import Quiet

SUITE = """
name = "questions"
version = 1
title = "toy"
indicative = true
threads = 1

[[entries]]
name = "asked"
scenario = "split_llm"
seeds = [0]

[entries.settings]
model = "{model}"
utility = [{{ lm_eval = "{task}", limit = 8 }}]
cut = 1
max_tokens = 60
attacked = 4
auxiliary = 16
public = 4
known = 2

[[entries.attacks]]
name = "blind_tokens"

[[entries.attacks]]
name = "nearest_token"

[[entries.attacks]]
name = "ridge_inverter"
parameters = {{ texts = 16, probes = 4, simulated = 4 }}
"""

NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=None, scale=0.05))
"""


@pytest.mark.usefixtures("shared_workers")
def test_questions_are_asked_and_attacked(
    tmp_path: Path, toy_folder: Path, submission: Callable[..., Submission]
) -> None:
    path = tmp_path / "questions.toml"
    path.write_text(SUITE.format(model=toy_model(toy_folder), task=toy_task(toy_folder, "choices")))
    report = evaluate(submission(NOISE).folder, path, tmp_path / "s.duckdb", progress=Quiet())
    (row,) = report.rows
    assert row.status in {"ok", "partial"}, row
    assert row.privacy is not None
    with Store.open(tmp_path / "s.duckdb") as store:
        cells = store.query("select name, behaviour, role, status from cells")
    asked = [cell for cell in cells if cell["name"] == "toy_choices_acc"]
    assert {(cell["behaviour"], cell["role"]) for cell in asked} == {
        ("honest", "utility"),
        ("honest", "blind"),
        ("local_only", "utility"),
        ("knockout", "utility"),
    }
    assert {cell["status"] for cell in asked} == {"ok"}
    attacks = {(cell["name"], cell["status"]) for cell in cells if cell["role"] == "attack"}
    assert attacks == {("nearest_token", "ok"), ("ridge_inverter", "ok")}
