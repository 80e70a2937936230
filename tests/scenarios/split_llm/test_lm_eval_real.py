"""Real questions on SmolLM2-135M: the split model gives plain lm-eval's numbers, choice by choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from harness.evaluation.lm_eval_model import deployment_model
from harness.lm_eval.tasks import load_tasks, requests_of
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from scenarios.split_llm.lm_eval_build import answering
from scenarios.split_llm.settings import Settings

MODEL = "smollm2-135m-instruct"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def plain() -> Any:
    """lm-eval's own model class on the whole model, float32."""
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from harness.models.resolve import resolve

    folder = resolve(MODEL)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return HFLM(pretrained=model, tokenizer=tokenizer, device="cpu", batch_size=4)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(isolation="process", threads=1) as runner:
        yield runner


@pytest.mark.parametrize("topology", ["head-tail", "head-body-tail"])
@pytest.mark.parametrize("name", ["arc_easy", "piqa", "sciq", "boolq", "lambada_openai", "medmcqa", "mmlu_virology"])
def test_undefended_equals_plain_lm_eval_choice_by_choice(runner: Runner, plain: Any, name: str, topology: str) -> None:
    (task,) = load_tasks(name)
    by_question = [requests_of(task, number) for number in range(4)]
    asked = [request for requests in by_question for request in requests]
    wanted = {"model": MODEL, "cut": "25%", "topology": topology, "max_tokens": 2048, "utility": [{"lm_eval": name}]}
    settings = Settings.model_validate(wanted)

    def lay_out(form: Any, prompts: Any) -> Any:
        return answering(settings, form, prompts, ["A public text of some length."], ("real",))

    own = deployment_model(MODEL, lay_out, runner, Execution(None)).loglikelihood(asked)
    theirs = plain.loglikelihood(asked, disable_tqdm=True)
    assert [value for value, _ in own] == pytest.approx([value for value, _ in theirs], abs=2e-3, rel=1e-5)
    assert [greedy for _, greedy in own] == [greedy for _, greedy in theirs]
    start = 0
    for number, requests in enumerate(by_question):
        stop = start + len(requests)
        document = task.eval_docs[number]
        scored = [task.process_results(document, answers[start:stop]) for answers in (own, theirs)]
        assert scored[0].get("acc") == scored[1].get("acc")
        start = stop
