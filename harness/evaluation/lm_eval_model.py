"""An lm-eval model over a defended deployment: what lm-eval asks is run by the protocol, every forward in the defense.

``lm_eval.evaluate`` and ``simple_evaluate`` take it as they take any model, so that every task, group and metric of
lm-eval is there. Requests of one context share its forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from harness.lm_eval.answers import Answer, answers
from harness.lm_eval.prompts import Form, Prompt, prompts_of, wording_of
from harness.lm_eval.tasks import form_of, load_tasks
from harness.runtime.execution import Execution
from harness.store.schema import Costs
from harness.util.quiet import quiet

if TYPE_CHECKING:
    from harness.runtime.runner import Runner
    from harness.scenario.deployment import Deployment

__all__ = ["ask", "deployment_model"]

Answering = Callable[[Form, Sequence[Prompt]], "Deployment"]
"""The deployment that answers prompts, sessions ``r0``, ``r1``, ... in their order."""


def deployment_model(model: str, answering: Answering, runner: Runner, execution: Execution) -> Any:
    """An ``lm_eval.api.model.LM``; its attribute ``costs`` lists the costs of every run it took.

    Args:
        model: name or folder of the whole model, whose vocabulary head the harness applies.
        answering: lays out the deployment for the prompts of one call.
        runner: executes it.
        execution: the defense, its operating point and the seed of its noise.
    """
    from lm_eval.api.model import LM

    class DeploymentModel(LM):
        """The split model as lm-eval sees it."""

        def __init__(self) -> None:
            super().__init__()
            self.costs: list[Costs] = []

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            """(log-likelihood, likeliest throughout) of each continuation; uniform guessing where no answer came."""
            pairs = [request.args[:2] for request in requests]
            prompts, places = prompts_of(pairs)
            got = self._ask(Form("choices"), prompts)
            results = []
            for (prompt, place), pair in zip(places, pairs, strict=True):
                answer = got[prompt]
                results.append(answer.likelihoods[place] if answer else self._guess(*pair))
            return results

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            """Log-likelihood of each whole text."""
            texts = [request.args[0] for request in requests]
            got = self._ask(Form("rolling"), [Prompt(text) for text in texts])
            return [
                answer.likelihoods[0][0] if answer else self._guess("", text)[0]
                for text, answer in zip(texts, got, strict=True)
            ]

        def generate_until(self, requests: list[Any]) -> list[str]:
            """The likeliest tokens after each context, cut before the first stop."""
            texts: list[str] = [""] * len(requests)
            by_form: dict[Form, list[int]] = {}
            for place, request in enumerate(requests):
                by_form.setdefault(form_of([request]), []).append(place)
            for form, places in by_form.items():
                got = self._ask(form, [Prompt(requests[place].args[0]) for place in places])
                for place, answer in zip(places, got, strict=True):
                    texts[place] = answer.text if answer else ""
            return texts

        def _ask(self, form: Form, prompts: Sequence[Prompt]) -> list[Answer | None]:
            outcome = runner.execute(answering(form, prompts), execution)
            self.costs.append(outcome.costs)
            asked = {f"r{place}": prompt for place, prompt in enumerate(prompts)}
            got = answers(model, wording_of(model), form, asked, outcome.predictions)
            return [got.get(session) for session in asked]

        def _guess(self, context: str, continuation: str) -> tuple[float, bool]:
            wording = wording_of(model)
            size = int(wording.tokens.engine.get_vocab_size())
            return -log(size) * len(wording.continuation(context, continuation)), False

    return DeploymentModel()


def ask(lm: Any, names: Sequence[str], limit: int | None) -> dict[str, Mapping[str, Any]]:
    """lm-eval's results of a model, task -> metric -> value: the first ``limit`` questions of each task.

    Raises:
        SuiteError: no task of that name, or its data cannot be had.
    """
    import contextlib
    import io

    tasks = {str(task.task_name): task for name in names for task in load_tasks(name)}
    # lm-eval draws bars on standard error whatever it is told.
    with quiet("lm_eval"), contextlib.redirect_stderr(io.StringIO()):
        from lm_eval import evaluate

        results = evaluate(lm, tasks, limit=limit, bootstrap_iters=0, log_samples=True)
    return {name: _numbers(values, results["samples"].get(name, ())) for name, values in results["results"].items()}


def _numbers(values: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """The numbers among lm-eval's values, under short names, with standard errors of means over questions.

    lm-eval gives standard errors only together with bootstraps in a pool of processes; that of a mean is the same.
    """
    numbers: dict[str, float | int] = {}
    for name, value in values.items():
        if not _is_number(value):
            continue
        metric, _, kind = name.partition(",")
        short = metric if kind in {"none", ""} else f"{metric} ({kind})"
        numbers[short] = float(value)
        single: list[Any] = [sample.get(metric) for sample in samples if sample.get("filter", kind) == kind]
        if len(single) > 1 and all(map(_is_number, single)) and abs(fmean(map(float, single)) - float(value)) < 1e-9:
            numbers[f"{short}_stderr"] = stdev(map(float, single)) / sqrt(len(single))
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or hasattr(value, "item")
