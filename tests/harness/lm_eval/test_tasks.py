"""lm-eval documents as questions: types, forms, and what cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.lm_eval.prompts import Form, Prompt, prompts_of
from harness.lm_eval.tasks import load_tasks, question, questions_of
from tests.stand_ins.lm_eval_tasks import toy_task


def test_requests_of_one_context_are_one_prompt_and_its_white_space_moves() -> None:
    prompts, places = prompts_of([("a b ", "c"), ("x", " c"), ("a b", " c"), ("a b ", "d")])
    assert prompts == [Prompt("a b", (" c", " d")), Prompt("x", (" c",))]
    assert places == [(0, 0), (1, 0), (0, 0), (0, 1)]


@pytest.mark.parametrize(
    ("kind", "form", "options"),
    [
        ("choices", Form("choices"), 3),
        ("letters", Form("choices"), 2),
        ("target", Form("choices"), 1),
        ("rolling", Form("rolling"), 0),
        ("generation", Form("generation", ("e",), 5), 0),
    ],
)
def test_every_type_of_task_has_its_form(tmp_path: Path, kind: str, form: Form, options: int) -> None:
    (task,) = load_tasks(toy_task(tmp_path, kind))
    asked = list(questions_of(task, range(3)))
    assert [q.form for q in asked] == [form] * 3
    assert [len(q.prompt.continuations) for q in asked] == [options] * 3
    assert asked[1].document["text"][:-1] in asked[1].prompt.text


def test_a_question_in_several_texts_is_refused(tmp_path: Path) -> None:
    (task,) = load_tasks(toy_task(tmp_path, "two_texts"))
    with pytest.raises(SuiteError, match="in 2 texts"):
        question(task, 0)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SuiteError, match="no such file"):
        load_tasks("nowhere/task.yaml")
