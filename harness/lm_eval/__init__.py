"""Utility by lm-eval: its tasks as questions for a split model, the embedded ones, and scores from returned states.

lm-eval itself is imported where it is used: importing this package loads neither it nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.lm_eval.answers import Answer, answers
    from harness.lm_eval.embedded import EMBEDDED, GROUPS, EmbeddedTask
    from harness.lm_eval.prompts import Form, Prompt, Wording, wording_of
    from harness.lm_eval.rows import pack_rows, unpack_rows
    from harness.lm_eval.tasks import Question, load_tasks, questions_of
    from harness.lm_eval.utility import LmEvalUtility

__all__ = [
    "EMBEDDED",
    "GROUPS",
    "Answer",
    "EmbeddedTask",
    "Form",
    "LmEvalUtility",
    "Prompt",
    "Question",
    "Wording",
    "answers",
    "load_tasks",
    "pack_rows",
    "questions_of",
    "unpack_rows",
    "wording_of",
]

_ROOMS = {
    "harness.lm_eval.answers": "Answer answers",
    "harness.lm_eval.embedded": "EMBEDDED GROUPS EmbeddedTask",
    "harness.lm_eval.prompts": "Form Prompt Wording wording_of",
    "harness.lm_eval.rows": "pack_rows unpack_rows",
    "harness.lm_eval.tasks": "Question load_tasks questions_of",
    "harness.lm_eval.utility": "LmEvalUtility",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
