"""lm-eval's questions as private texts of split inference: exact without a defense, scored by the harness alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import DefenseError, SuiteError
from harness.lm_eval.answers import answers
from harness.lm_eval.prompts import prompts_of
from harness.lm_eval.rows import pack_rows
from harness.lm_eval.utility import LmEvalUtility
from harness.lm_eval.whole import whole_predictions
from harness.plugins import registry
from harness.plugins.submission import Submission, load_submission
from harness.protocol.behaviours import KNOCKOUT, LOCAL_ONLY
from harness.protocol.net import SERVER
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model
from harness.wire.facts import SplitFacts
from scenarios.split_llm.scenario import SPLIT_LLM
from tests.stand_ins.lm_eval_tasks import toy_task

Make = Callable[..., Submission]


def build(toy_folder: Path, kind: str = "choices", **settings: Any) -> Deployment:
    wanted = {
        "model": str(toy_model(toy_folder)),
        "cut": 1,
        "max_tokens": 80,
        "auxiliary": 8,
        "public": 4,
        "utility": [{"lm_eval": toy_task(toy_folder, kind), "limit": 6}],
        **settings,
    }
    return SPLIT_LLM.deployment("toy", wanted, ("suite", "split_llm", 0))


def utility(deployment: Deployment) -> LmEvalUtility:
    (task,) = deployment.tasks
    assert isinstance(task, LmEvalUtility)
    return task


def likelihoods(task: LmEvalUtility, predictions: Mapping[str, Any]) -> list[float]:
    asked = {session: question.prompt for session, question in task.questions.items()}
    form = next(iter(task.questions.values())).form
    got = answers(task.model, task.wording, form, asked, predictions)
    return [value for session in asked for value, _ in got[session].likelihoods]


def scores(task: LmEvalUtility, predictions: Mapping[str, Any]) -> dict[str, float]:
    return {score.record: float(score.value or 0.0) for score in task.score(predictions, {})}


@pytest.mark.parametrize("kind", ["choices", "letters", "target", "rolling"])
@pytest.mark.parametrize("topology", ["head-tail", "head-body-tail"])
def test_undefended_answers_are_those_of_the_whole_model(
    runner: Runner, toy_folder: Path, kind: str, topology: str
) -> None:
    deployment = build(toy_folder, kind, topology=topology, tail_blocks=1)
    task, outcome = utility(deployment), runner.execute(deployment, Execution(None))
    asked = {session: question.prompt for session, question in task.questions.items()}
    form = next(iter(task.questions.values())).form
    whole = whole_predictions(task.model, task.wording, form, asked)
    assert likelihoods(task, outcome.predictions) == pytest.approx(likelihoods(task, whole), abs=2e-4)
    assert scores(task, outcome.predictions) == pytest.approx(scores(task, whole), abs=2e-4)
    assert {score.record for score in task.blind()} == set(task.questions)


def test_generation_takes_the_likeliest_tokens_of_the_whole_model(runner: Runner, toy_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    deployment = build(toy_folder, "generation", topology="head-body-tail", tail_blocks=1)
    task, outcome = utility(deployment), runner.execute(deployment, Execution(None))
    model = AutoModelForCausalLM.from_pretrained(task.model)
    for session, question in task.questions.items():
        ids = task.wording.prompt(question.prompt.text, "generation")
        with torch.inference_mode():
            for _ in range(question.form.new_tokens):
                ids = [*ids, int(model(torch.tensor([ids])).logits[0, -1].argmax())]
        new = ids[-question.form.new_tokens :]
        new = new[: new.index(task.wording.end)] if task.wording.end in new else new
        text = task.wording.tokens.decode(new).split("e")[0]
        got = answers(task.model, task.wording, question.form, {session: question.prompt}, outcome.predictions)
        assert got[session].text == text
    assert set(scores(task, outcome.predictions).values()) <= {0.0, 1.0}


def test_a_prompt_is_run_once_and_its_continuations_share_it(runner: Runner, toy_folder: Path) -> None:
    deployment = build(toy_folder)
    outcome = runner.execute(deployment, Execution(None))
    up = [entry.message() for entry in outcome.log.entries if entry.receiver == SERVER]
    task, (plan,) = utility(deployment), deployment.parties.values()
    for session, item in enumerate(plan.items):
        first, second = [m for m in up if m.session == session]
        assert len(first["hidden"]) == len(task.wording.tokens.encode(item.text))
        assert item.choices == tuple(sorted(item.choices))  # their order says nothing about the right one
        expected = [len(task.wording.continuation(item.text, text)) - 1 for text in item.choices]
        assert second["lengths"] == expected
        assert len(second["hidden"]) == sum(expected)


def test_questions_are_the_secrets_and_every_use_has_its_own(toy_folder: Path) -> None:
    deployment = build(toy_folder, known=3)
    (plan,) = deployment.parties.values()
    task, secret, facts = utility(deployment), deployment.secrets["text"], deployment.public.need(SplitFacts)
    texts = {item.id: item.text for item in plan.items}
    assert set(secret.records) == set(task.questions)
    assert {session: q.prompt.text for session, q in task.questions.items()}.items() <= texts.items()
    assert len(texts) == 9
    others = {record.text for record in deployment.public.auxiliary} | set(plan.public_texts)
    assert len(others) == 12
    assert not others & set(texts.values())
    assert max(len(task.wording.tokens.encode(text)) for text in texts.values()) <= facts.max_tokens
    assert set(deployment.known) == set(texts) - set(task.questions)


def test_a_target_is_not_told_to_its_party(toy_folder: Path) -> None:
    """A party that knew the target of a log-likelihood could return rows that name it."""
    wanted = [{"lm_eval": toy_task(toy_folder, "target"), "limit": 5, "metric": "perplexity"}]
    deployment = build(toy_folder, utility=wanted)
    (plan,) = deployment.parties.values()
    assert all(item.choices == () for item in plan.items)
    assert not any(q.document["text"] in str(plan) for q in utility(deployment).questions.values())


def test_the_right_option_is_not_to_be_read_off_its_place() -> None:
    """SciQ's right option is the last one of its file: always taking it was right for every question."""
    (prompt,), places = prompts_of([("Q", " wrong b"), ("Q", " wrong c"), ("Q", " all right")])
    assert prompt.continuations == (" all right", " wrong b", " wrong c")
    assert [place for _, place in places] == [1, 2, 0]


def test_share_of_the_right_option_is_a_metric(runner: Runner, toy_folder: Path) -> None:
    wanted = [{"lm_eval": toy_task(toy_folder, "choices"), "limit": 6, "metric": "probability"}]
    deployment = build(toy_folder, utility=wanted)
    task, outcome = utility(deployment), runner.execute(deployment, Execution(None))
    values, lls = scores(task, outcome.predictions), likelihoods(task, outcome.predictions)
    for place, (session, question) in enumerate(task.questions.items()):
        options, right = question.document["options"], question.document["right"]
        at = question.prompt.continuations.index(f" {options[right]}")
        share = torch.softmax(torch.tensor(lls[3 * place : 3 * place + 3]), 0)[at]
        assert values[session] == pytest.approx(float(share), abs=1e-5)


def test_questions_depend_on_the_seed_alone(toy_folder: Path) -> None:
    again = [build(toy_folder) for _ in range(2)]
    assert again[0].parties == again[1].parties
    assert again[0].data_id == again[1].data_id
    other = SPLIT_LLM.deployment("toy", settings_of(toy_folder), ("suite", "split_llm", 1))
    assert other.data_id != again[0].data_id


def settings_of(toy_folder: Path) -> dict[str, Any]:
    wanted = [{"lm_eval": toy_task(toy_folder, "choices"), "limit": 6}]
    return {
        "model": str(toy_model(toy_folder)),
        "cut": 1,
        "max_tokens": 80,
        "auxiliary": 8,
        "public": 4,
        "utility": wanted,
    }


def test_attackers_texts_have_the_form_of_questions(runner: Runner, toy_folder: Path) -> None:
    """A session must not show by its steps whether it is live or an attacker's simulation."""
    deployment = build(toy_folder)
    (name,) = deployment.parties
    auxiliary = [record.text for record in deployment.public.auxiliary[:3]]
    items = [
        replace(deployment.parties[name].items[0], id=f"r{i}", text=t, choices=()) for i, t in enumerate(auxiliary)
    ]
    dressed = deployment.with_items({name: [*items, replace(items[0], id="r9", text="words of the attacker's own")]})
    given = [item.choices for item in dressed.parties[name].items]
    assert given[:3] == [deployment.choices[text] for text in auxiliary]
    assert given[3] in deployment.choices.values()
    outcome = runner.execute(dressed, Execution(None))
    steps = {m.session: m.step for m in (e.message() for e in outcome.log.entries)}
    assert set(steps.values()) == {1}


def test_defects_8_no_party_states_its_own_likelihood(
    runner: Runner, toy_folder: Path, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers that a submission's process puts in place of states count as the worst, not as its likelihood."""
    deployment = build(toy_folder, "rolling")
    task = utility(deployment)
    monkeypatch.setattr("scenarios.split_llm.lm_eval_client.pack_rows", pack_rows)  # put back after the test
    liar = submission("""
    class Plugin(Defense):
        def setup(self, records, public):
            import scenarios.split_llm.lm_eval_client as client
            client.pack_rows = lambda rows: {"nll": 0.0, "log_likelihood": 0.0, "acc": 1.0}
    """)
    outcome = runner.execute(deployment, Execution(liar))
    worst = -torch.log(torch.tensor(float(task.vocabulary))).item()
    assert list(outcome.predictions["r0"]["rows"]) == ["nll", "log_likelihood", "acc"]
    assert list(scores(task, outcome.predictions).values()) == pytest.approx([worst] * 6)
    assert list(scores(task, {}).values()) == pytest.approx([worst] * 6)


def test_returned_rows_are_always_a_distribution(toy_folder: Path) -> None:
    """Whatever a party returns, its likelihoods of all tokens together stay below one."""
    deployment = build(toy_folder, "letters")
    task = utility(deployment)
    (session, question), *_ = task.questions.items()
    forged = {session: {"rows": pack_rows(torch.full((1, 32), 1e6)), "lengths": [0, 0]}}
    got = answers(task.model, task.wording, question.form, {session: question.prompt}, forged)
    assert sum(torch.tensor(value).exp().item() for value, _ in got[session].likelihoods) <= 1 + 1e-6


@pytest.mark.parametrize("lengths", [[-1, 3, 1], [10**9], ["1"], None, [True]])
def test_malformed_lengths_count_as_no_answer(toy_folder: Path, lengths: Any) -> None:
    task = utility(build(toy_folder))
    rows = {session: {"rows": pack_rows(torch.zeros(3, 32)), "lengths": lengths} for session in task.questions}
    assert set(scores(task, rows).values()) == {0.0}


def test_text_rewritten_by_prepare_is_scored_against_the_original(
    runner: Runner, toy_folder: Path, submission: Make
) -> None:
    """Two fixed sentences in place of all texts do not earn their own likelihood (defects: prepare of 1.83)."""
    deployment = build(toy_folder, "rolling")
    task = utility(deployment)
    fixed = submission("""
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(record, text="a") for record in records]
    """)
    outcome = runner.execute(deployment, Execution(fixed))
    vocabulary = float(torch.log(torch.tensor(float(task.vocabulary))))
    texts = {session: len(task.wording.prompt(q.prompt.text, "rolling")) for session, q in task.questions.items()}
    # One row came back for each text of dozens of tokens: all others count as guessed uniformly.
    for session, value in scores(task, outcome.predictions).items():
        assert abs(value + vocabulary) * (texts[session] - 1) < 15


def test_continuations_survive_a_defense_that_builds_its_items_anew(
    runner: Runner, toy_folder: Path, submission: Make
) -> None:
    deployment = build(toy_folder)
    anew = submission("""
    from harness import Item

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [Item(record.id, record.text) for record in records]
    """)
    plain, same = (runner.execute(deployment, Execution(s)) for s in (None, anew))
    assert plain.predictions == same.predictions
    fewer = submission(
        """
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(record, choices=record.choices[:1]) for record in records]
    """,
        name="fewer",
    )
    with pytest.raises(DefenseError, match="number of choices"):
        runner.execute(deployment, Execution(fewer))


def test_altered_lengths_are_the_submissions_own_error(runner: Runner, toy_folder: Path, submission: Make) -> None:
    altered = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(lengths=[1, 10**6]) if "lengths" in message.payload else message
    """)
    with pytest.raises(DefenseError, match="are not those of"):
        runner.execute(build(toy_folder), Execution(altered))


def test_the_negative_control_sends_noise_in_the_shape_of_continuations(runner: Runner, toy_folder: Path) -> None:
    noise = load_submission(registry.find_submission("pure_noise"))
    deployment = build(toy_folder, topology="head-body-tail", tail_blocks=1)
    outcome = runner.execute(deployment, Execution(noise))
    assert len(scores(utility(deployment), outcome.predictions)) == 6


def test_controls_and_noise_change_the_answers(runner: Runner, toy_folder: Path, submission: Make) -> None:
    deployment = build(toy_folder)
    task = utility(deployment)
    noise = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=torch.zeros_like(message["hidden"]))
    """)
    plain = likelihoods(task, runner.execute(deployment, Execution(None)).predictions)
    for execution in (Execution(noise), Execution(None, behaviour=KNOCKOUT), Execution(None, behaviour=LOCAL_ONLY)):
        assert likelihoods(task, runner.execute(deployment, execution).predictions) != pytest.approx(plain, abs=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": "sms_spam"}, "data: has no meaning"),
        ({"task": "generation", "prefix": "x"}, "prefix: has no meaning"),
        ({"max_tokens": 3}, "distinct questions of at most 3 tokens"),
        ({"auxiliary": 500}, "ask for fewer"),
        ({"tail_blocks": 3, "topology": "head-body-tail"}, "the tail starts at block 0"),
    ],
)
def test_settings_that_cannot_be(toy_folder: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        build(toy_folder, **settings)


def test_entries_without_data_or_tasks_and_mixed_forms_are_refused(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="name a dataset, or utility tasks"):
        SPLIT_LLM.deployment("toy", {"model": str(toy_model(toy_folder))}, ("s",))
    both = [{"lm_eval": toy_task(toy_folder, kind), "limit": 2} for kind in ("choices", "rolling")]
    with pytest.raises(SuiteError, match="of 2 forms"):
        build(toy_folder, utility=both)
    with pytest.raises(SuiteError, match="has no metric 'f1'"):
        build(toy_folder, utility=[{"lm_eval": toy_task(toy_folder, "choices"), "limit": 2, "metric": "f1"}])


def test_two_tasks_share_the_attackers_questions(runner: Runner, toy_folder: Path) -> None:
    both = [
        {"lm_eval": toy_task(toy_folder, "choices"), "limit": 4, "metric": "acc_norm"},
        {"lm_eval": toy_task(toy_folder, "target"), "limit": 3},
    ]
    deployment = build(toy_folder, utility=both, auxiliary=5)
    assert [task.name for task in deployment.tasks] == ["toy_choices_acc_norm", "toy_target_acc"]
    assert len(deployment.public.auxiliary) == 5
    outcome = runner.execute(deployment, Execution(None))
    assert [len(task.score(outcome.predictions, {})) for task in deployment.tasks] == [4, 3]
