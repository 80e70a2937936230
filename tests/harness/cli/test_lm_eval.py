"""``leakboard lm-eval``: a table for people, JSON for programs, plain words where it cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.scenario.toy import toy_model
from tests.stand_ins.lm_eval_tasks import toy_task


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["lm-eval", *arguments])
    return int(ended.value.code or 0)


def test_tasks_alone_as_table_and_json(
    toy_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    tasks = ",".join(toy_task(toy_folder, kind) for kind in ("choices", "rolling"))
    options = ["--tasks", tasks, "--limit", "3", "--model", str(toy_model(toy_folder)), "--cut", "1"]
    options += ["--isolation", "none"]
    assert run("none", *options) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("toy_choices", "acc_norm", "toy_rolling", "word_perplexity"))
    assert run("none", *options, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["format"] == "lm-eval/1"
    (row,) = answer["rows"]
    assert set(row["results"]) == {"toy_choices", "toy_rolling"}
    assert row["bytes_up"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--tasks", "nowhere.yaml"], "there is no such file"),
        (["none", "--tasks", ","], "at least one"),
        (["no-such-submission", "--tasks", "piqa"], "no-such-submission"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
