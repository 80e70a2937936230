"""The defended split model as lm-eval's own evaluation sees it: the numbers of plain lm-eval on the whole model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.evaluation.lm_eval_model import ask, deployment_model
from harness.evaluation.lm_eval_run import public_texts, run_tasks
from harness.lm_eval.tasks import load_tasks, requests_of
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.toy import toy_model
from scenarios.split_llm.lm_eval_build import answering
from scenarios.split_llm.settings import Settings
from tests.stand_ins.lm_eval_tasks import TASKS, toy_task

KINDS = sorted(TASKS)


@pytest.fixture(scope="module")
def runner() -> Any:
    with Runner(isolation="none", threads=1) as runner:
        yield runner


def split_model(toy_folder: Path, runner: Runner, submission: Submission | None = None) -> Any:
    wanted = [{"lm_eval": "piqa"}]
    settings = Settings(model=str(toy_model(toy_folder)), cut=1, max_tokens=120, utility=wanted)
    lay_out = partial(lay_out_toy, settings)
    return deployment_model(settings.model, lay_out, runner, Execution(submission))


def lay_out_toy(settings: Settings, form: Any, prompts: Any) -> Any:
    return answering(settings, form, prompts, ["A public text."], ("toy",))


@pytest.fixture(scope="module")
def whole_model(toy_folder: Path) -> Any:
    """lm-eval's own class on the whole toy model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its libraries say at import is theirs
        from lm_eval.models.huggingface import HFLM
        from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

        place = toy_model(toy_folder)
        tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(place)
        tokenizer.pad_token = tokenizer.eos_token = "<s>"
        model = AutoModelForCausalLM.from_pretrained(place)
        return HFLM(pretrained=model, tokenizer=tokenizer, device="cpu", batch_size=1, max_length=128)


def requests(toy_folder: Path, kind: str) -> list[Any]:
    (task,) = load_tasks(toy_task(toy_folder, kind))
    return [request for number in range(5) for request in requests_of(task, number)]


@pytest.mark.parametrize("kind", ["choices", "target", "two_texts"])
def test_likelihoods_equal_plain_lm_eval(toy_folder: Path, runner: Runner, whole_model: Any, kind: str) -> None:
    asked = requests(toy_folder, kind)
    own = split_model(toy_folder, runner).loglikelihood(asked)
    theirs = whole_model.loglikelihood(asked, disable_tqdm=True)
    assert [value for value, _ in own] == pytest.approx([value for value, _ in theirs], abs=2e-4)
    assert [greedy for _, greedy in own] == [greedy for _, greedy in theirs]


def test_whole_texts_and_empty_contexts_equal_plain_lm_eval(toy_folder: Path, runner: Runner, whole_model: Any) -> None:
    from lm_eval.api.instance import Instance

    lm = split_model(toy_folder, runner)
    rolling = requests(toy_folder, "rolling")
    assert lm.loglikelihood_rolling(rolling) == pytest.approx(
        whole_model.loglikelihood_rolling(rolling, disable_tqdm=True), abs=1e-3
    )
    alone = [Instance("loglikelihood", {}, ("", text), 0) for text in (" a friend", "<s> the bank", " Oslo ")]
    own, theirs = lm.loglikelihood(alone), whole_model.loglikelihood(alone, disable_tqdm=True)
    assert [value for value, _ in own] == pytest.approx([value for value, _ in theirs], abs=2e-4)


def test_generated_texts_equal_plain_lm_eval(toy_folder: Path, runner: Runner, whole_model: Any) -> None:
    asked = requests(toy_folder, "generation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = whole_model.generate_until(asked, disable_tqdm=True)
    assert split_model(toy_folder, runner).generate_until(asked) == theirs


def test_the_libraries_own_evaluation_takes_the_model(toy_folder: Path, runner: Runner) -> None:
    lm = split_model(toy_folder, runner)
    results = ask(lm, [toy_task(toy_folder, kind) for kind in KINDS], 4)
    assert set(results) == {f"toy_{kind}" for kind in KINDS}
    assert set(results["toy_choices"]) >= {"acc", "acc_norm", "acc_stderr"}
    assert all(0 <= results[f"toy_{kind}"]["acc"] <= 1 for kind in ("choices", "letters", "two_texts"))
    assert len(lm.costs) >= 3
    assert all(cost.bytes_up > 0 for cost in lm.costs)


def test_every_forward_goes_through_the_defense(
    toy_folder: Path, runner: Runner, submission: Callable[..., Submission]
) -> None:
    silent = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=torch.zeros_like(message["hidden"]))
    """)
    asked = requests(toy_folder, "choices")
    plain, zeros = (split_model(toy_folder, runner, s).loglikelihood(asked) for s in (None, silent))
    assert all(abs(a - b) > 1e-3 for (a, _), (b, _) in zip(plain, zeros, strict=True))
    by_question = [zeros[3 * i : 3 * i + 3] for i in range(5)]
    # Nothing of a question arrives: equal continuations, asked after different questions, are equally likely.
    assert sorted(v for v, _ in by_question[0]) == pytest.approx(sorted(v for v, _ in by_question[3]), abs=1e-3)


def test_points_and_public_texts_of_a_run(toy_folder: Path, submission: Callable[..., Submission]) -> None:
    task = toy_task(toy_folder, "choices")
    plain = submission("class Plugin(Defense):\n    pass")
    settings = {"model": str(toy_model(toy_folder)), "cut": "1"}
    (row,) = run_tasks(plain.folder, [task], settings, limit=3, isolation="none")
    assert (row.submission, row.point, row.label) == ("plugin", 0, "only")
    assert row.shown()["results"]["toy_choices"]["acc"] == row.results["toy_choices"]["acc"]
    asked = {str(request.args[0]) for request in requests(toy_folder, "choices")[:9]}
    assert not asked & set(public_texts([task], 3))
    assert len(public_texts([task], None)) == 48
    with pytest.raises(SuiteError, match="no operating point 4"):
        run_tasks(plain.folder, [task], settings, limit=3, points=[4], isolation="none")
