"""An lm-eval task as a utility task: one score per question, by lm-eval's own metric on answers that the harness
computed from what the private party returned (:mod:`harness.lm_eval.answers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from harness.errors import SuiteError
from harness.lm_eval.alone import learned_choices, learned_text, right_option
from harness.lm_eval.answers import Answer, answers
from harness.lm_eval.tasks import requests_of
from harness.lm_eval.whole import answers_alone
from harness.store.schema import Score
from harness.util.quiet import quiet

if TYPE_CHECKING:
    from harness.lm_eval.prompts import Wording
    from harness.lm_eval.tasks import Question
    from harness.models.ngram import TokenModel

__all__ = ["LmEvalUtility", "checked_metric"]

ROLLING = "log_likelihood"
"""Metric of whole texts: mean log-likelihood per token, in nats."""
TARGET = "perplexity"
"""lm-eval's name for the log-likelihood of one target text; its value per question is that, higher is better."""
PROBABILITY = "probability"
"""Metric of options, beside lm-eval's own: the right one's share of the likelihood of all, in [0, 1]. One
question says more by it than by accuracy, so that fewer are needed."""

Value = Callable[["Question"], float]


def checked_metric(task: Any, wanted: str) -> str:
    """The metric ``wanted`` of a task, or for "" its first one (accuracy before others).

    Raises:
        SuiteError: the task has none of that name, or one that is better when lower.
    """
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        known = {ROLLING: True}
    else:
        known = {str(name): bool(better) for name, better in task.higher_is_better().items()}
        known |= {TARGET: True} if TARGET in known and task.OUTPUT_TYPE == "loglikelihood" else {}
        known |= {PROBABILITY: True} if task.OUTPUT_TYPE == "multiple_choice" else {}
    better = [name for name in known if known[name]]
    metric = wanted or ("acc" if "acc" in better else next(iter(better), ""))
    if metric not in better:
        raise SuiteError(
            f"lm-eval task {task.task_name!r} has no metric {metric!r} of one value per question that is better when "
            f"higher; it has {', '.join(better) or 'none'}"
        )
    return metric


@dataclass(frozen=True)
class LmEvalUtility:
    """Per-question scores of one lm-eval task; the same questions for every defense and operating point."""

    name: str
    """Task and metric."""
    metric: str
    model: str
    """The whole model; its vocabulary head turns returned states into likelihoods."""
    wording: Wording
    questions: Mapping[str, Question]
    """Session id -> question; all of one form."""
    public: tuple[Question, ...] = ()
    """Other questions of the task, with their answers, from which anyone could learn small models."""
    vocabulary: int = 0

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """One score per question; a missing or malformed prediction counts as the worst."""
        asked = {session: question.prompt for session, question in self.questions.items()}
        form = next(iter(self.questions.values())).form
        got = answers(self.model, self.wording, form, asked, predictions)
        return self._scores({session: self._value(session, got.get(session)) for session in asked})

    def blind(self) -> tuple[Score, ...]:
        """The best that anyone could do without the protocol: an option that all have, the likeliest answer by itself,
        or what small models of other questions make of the question (:mod:`harness.lm_eval.alone`)."""
        guesses = [{session: guess(session) for session in self.questions} for guess in self._guesses()]
        return self._scores(max(guesses, key=lambda values: sum(values.values())))

    def _guesses(self) -> list[Callable[[str], float]]:
        question = next(iter(self.questions.values()))
        if question.form.mode == "generation":
            return [lambda session: self._value(session, Answer(text=""))]
        small = learned_text(self.wording, self.public, self.vocabulary)
        if question.form.mode == "rolling":
            return [lambda session: self._value(session, self._told(small, session)), self._worst]
        alone = answers_alone(
            self.model, self.wording, [text for q in self.questions.values() for text in q.prompt.continuations]
        )

        def by_itself(session: str) -> float:
            continuations = self.questions[session].prompt.continuations
            return self._value(session, Answer(tuple(alone[text] for text in continuations)))

        guesses = [by_itself, *(self._always(text) for text in self._common())]
        if question.task.OUTPUT_TYPE != "multiple_choice":
            return [*guesses, lambda session: self._value(session, self._told(small, session))]
        learned = learned_choices(self.model, self.wording, self.questions, self.public, self.vocabulary)
        return [*guesses, lambda session: self._chosen(session, learned[session])]

    def _told(self, small: TokenModel, session: str) -> Answer:
        """The likelihood of the whole text, or of its one continuation, by a small language model."""
        question = self.questions[session]
        text = question.prompt.text
        if question.form.mode == "rolling":
            start, *ids = self.wording.prompt(text, "rolling")
            return Answer(((sum(small.likelihoods(ids, [start])), False),), tokens=len(ids))
        before = self.wording.tokens.encode(text)
        ids = self.wording.continuation(text, question.prompt.continuations[0])
        greedy = all(small.likeliest([*before, *ids[:place]]) == token for place, token in enumerate(ids))
        return Answer(((sum(small.likelihoods(ids, before)), greedy),))

    def _chosen(self, session: str, answer: Answer) -> float:
        """The value of scores of options, of the best of them alone where a metric asks for nothing else."""
        if self.metric == PROBABILITY:
            return self._value(session, answer)
        scores = [score for score, _ in answer.likelihoods]
        return self._always(self.questions[session].prompt.continuations[scores.index(max(scores))])(session)

    def _common(self) -> list[str]:
        """Texts that are an option of every question, such as letters; none where there is only a target text."""
        asked = list(self.questions.values())
        if asked[0].task.OUTPUT_TYPE != "multiple_choice":
            return []
        return sorted(set.intersection(*(set(question.prompt.continuations) for question in asked)))

    def _always(self, option: str) -> Callable[[str], float]:
        def guess(session: str) -> float:
            continuations = self.questions[session].prompt.continuations
            # Far below what a length could make of it: normed likelihoods choose the same option.
            return self._value(
                session, Answer(tuple((0.0 if text == option else -1e9, False) for text in continuations))
            )

        return guess

    def _value(self, session: str, answer: Answer | None) -> float:
        if answer is None:
            return self._worst(session)
        question = self.questions[session]
        if question.form.mode == "rolling":
            return answer.likelihoods[0][0] / max(answer.tokens, 1)
        if question.form.mode == "choices":
            results: Sequence[Any] = [answer.likelihoods[place] for place in question.places]
        else:
            results = _filtered(question, answer.text)
        if self.metric == PROBABILITY:
            return _share(question, [likelihood for likelihood, _ in results])
        with quiet("lm_eval"):
            value = question.task.process_results(question.document, results).get(self.metric)
        if not isinstance(value, int | float | bool) and not hasattr(value, "item"):
            raise SuiteError(f"lm-eval task {question.task.task_name!r}: {self.metric} has no value per question")
        return float(value)

    def _worst(self, session: str) -> float:
        """Uniform guessing for likelihoods, nothing right for all else."""
        question = self.questions[session]
        if self.metric not in {ROLLING, TARGET}:
            return 0.0
        if self.metric == ROLLING:
            return -log(self.vocabulary or 1)
        target = question.prompt.continuations[0]
        return -log(self.vocabulary or 1) * len(self.wording.continuation(question.prompt.text, target))

    def _scores(self, values: Mapping[str, float]) -> tuple[Score, ...]:
        return tuple(Score(record=session, metric=self.name, value=value) for session, value in values.items())


def _share(question: Question, likelihoods: Sequence[float]) -> float:
    """The right option's share of the likelihood of all options."""
    from scipy.special import softmax

    return float(softmax(likelihoods)[question.places.index(right_option(question))])


def _filtered(question: Question, text: str) -> Sequence[Any]:
    """The generated text as the task's first filter leaves it for its metrics."""
    requests = requests_of(question.task, question.number)
    requests[0].resps = [text]
    # lm-eval applies filters to the requests that a task keeps; here each question is scored on its own.
    ensemble = question.task._filters[0]
    ensemble.apply(requests)
    return [requests[0].filtered_resps[ensemble.name]]
