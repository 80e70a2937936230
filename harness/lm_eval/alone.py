"""Answers to lm-eval's questions without any protocol: what anyone could say who has the public questions of a task.

A small language model of their words (:mod:`harness.models.ngram`), which also remembers the question that is asked,
and a choice among options learned from how likely the right ones are: by that model, and by the public language model
when it is not shown the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.lm_eval.answers import Answer
from harness.lm_eval.whole import answers_alone

if TYPE_CHECKING:
    from harness.lm_eval.prompts import Wording
    from harness.lm_eval.tasks import Question
    from harness.models.ngram import TokenModel
    from harness.util.arrays import Floats

__all__ = ["learned_choices", "learned_text", "right_option"]

LEARNED = 64
"""Public questions from which a choice among options is learned."""


@dataclass(frozen=True)
class _Known:
    """The public part of a task: models and words."""

    model: str
    wording: Wording
    small: TokenModel

    def options(self, question: Question, alone: Mapping[str, tuple[float, bool]]) -> Floats:
        """Features of each option [options, 4]: two log-likelihoods, and their means over its tokens."""
        text, rows = question.prompt.text, []
        before = self.wording.tokens.encode(text)
        for option in question.prompt.continuations:
            ids = self.wording.continuation(text, option)
            values = [alone[option][0], sum(self.small.likelihoods(ids, before))]
            rows.append([*values, *(value / max(len(ids), 1) for value in values)])
        return np.array(rows)


def learned_text(wording: Wording, public: Sequence[Question], vocabulary: int) -> TokenModel:
    """The small language model of public questions, with the words that follow where a question has but one answer."""
    from harness.models.ngram import learn_tokens

    pairs = []
    for question in public:
        text, options = question.prompt.text, question.prompt.continuations
        after = wording.continuation(text, options[0]) if len(options) == 1 else []
        pairs.append((wording.tokens.encode(text), after))
    whole = [[*before, *after] for before, after in pairs]
    return learn_tokens(whole, vocabulary, pairs if all(after for _, after in pairs) else ())


def learned_choices(
    model: str, wording: Wording, asked: Mapping[str, Question], public: Sequence[Question], vocabulary: int
) -> dict[str, Answer]:
    """Session -> its options with scores whose softmax is the chance that each is right."""
    from sklearn.linear_model import LogisticRegression

    known = _Known(model, wording, learned_text(wording, public, vocabulary))
    taught = [question for question in public[:LEARNED] if len(question.prompt.continuations) > 1]
    everything = [*taught, *asked.values()]
    alone = answers_alone(model, wording, [text for q in everything for text in q.prompt.continuations])
    pairs: list[Floats] = []
    for question in taught:
        options, right = known.options(question, alone), right_option(question)
        pairs += [options[right] - other for place, other in enumerate(options) if place != right]
    weights = np.zeros(4)
    if pairs:
        x = np.array([*pairs, *(-pair for pair in pairs)])
        scale = x.std(0) + 1e-9
        y = [1] * len(pairs) + [0] * len(pairs)
        weights = LogisticRegression(fit_intercept=False).fit(x / scale, y).coef_[0] / scale
    return {
        session: Answer(tuple((float(value), False) for value in known.options(question, alone) @ weights))
        for session, question in asked.items()
    }


def right_option(question: Question) -> int:
    """Place of the right option among the question's continuations."""
    return question.places[_target(question)]


def _target(question: Question) -> int:
    """Place of the right option in lm-eval's order."""
    right: Any = question.task.doc_to_target(question.document)
    if isinstance(right, int):
        return right
    return [str(text) for text in question.task.doc_to_choice(question.document)].index(str(right))
