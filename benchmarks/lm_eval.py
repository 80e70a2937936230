"""Cost of lm-eval over the split model, as a ratio to plain lm-eval on the whole model with the same batches.

CPU time of both sides in one process and thread, so that neither a busy machine nor a second core counts; loading the
model is left out. The undefended split model must stay within 1.1 times plain lm-eval.

Run: ``python -m benchmarks.lm_eval [QUESTIONS]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

MODEL = "smollm2-135m-instruct"
TASKS = ("arc_easy", "piqa", "sciq", "mmlu_virology", "lambada_openai")
BUDGET = 1.1


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call in this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main(questions: int) -> None:
    """Ask both models, time them, print."""
    import torch

    torch.set_num_threads(1)
    from harness.evaluation.lm_eval_model import deployment_model
    from harness.lm_eval.tasks import load_tasks, requests_of
    from harness.runtime.execution import Execution
    from harness.runtime.runner import Runner
    from scenarios.split_llm.lm_eval_build import answering
    from scenarios.split_llm.settings import Settings

    whole = whole_model()
    print(f"{questions} questions of each task, {MODEL}, one thread")
    with Runner(isolation="none", threads=1) as runner:
        for name in TASKS:
            settings = Settings.model_validate({"model": MODEL, "max_tokens": 2048, "utility": [{"lm_eval": name}]})

            def lay_out(form: Any, prompts: Any, settings: Settings = settings) -> Any:
                return answering(settings, form, prompts, ["A public text of some length."], ("benchmark",))

            (task,) = load_tasks(name)
            asked = [request for number in range(questions) for request in requests_of(task, number)]
            split = deployment_model(MODEL, lay_out, runner, Execution(None))
            split.loglikelihood(asked[:1])
            whole.loglikelihood(asked[:1], disable_tqdm=True)
            plain = cpu_seconds(partial(whole.loglikelihood, asked, disable_tqdm=True))
            ours = cpu_seconds(partial(split.loglikelihood, asked))
            verdict = "kept" if ours <= BUDGET * plain else "EXCEEDED"
            print(f"{name:16} plain {plain:6.1f} s  split {ours / plain:5.2f} x  budget {BUDGET:g}: {verdict}")


def whole_model() -> Any:
    """lm-eval's own model class on the whole model."""
    import torch
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from harness.models.resolve import resolve

    folder = resolve(MODEL)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return HFLM(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(folder), device="cpu", batch_size=8)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
