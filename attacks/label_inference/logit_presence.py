"""Presence of classes in a party's data: to a class it never saw it never says yes, whatever the text.

The :func:`peak` is the most that a party ever says for a class: a single record raises it on the texts that are like
it; the :func:`crest` is the mean of a few such answers. The :func:`gap` is a mean over the class's own texts, which
noise averages out of. On FedMD with publishers of tweets as classes, Dirichlet shares of 0.1 and 0.5, the peak has an
AUC of 0.98 to 1.00 and the gap one of 0.80 to 0.88, because most classes that are there have few records; under noise
that drowns single answers the gap is ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.answer_shares import log_shares
from attacks.label_inference.reference_answers import ENOUGH, Estimate, ReferenceAnswers, look, named, shadow_looks
from attacks.toolkit.memo import Memo
from attacks.toolkit.view import parties_of
from harness.attack import Attack, DataError, Floats, Mask, PopulationFacts, PublicTextFacts, auc

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["FRACTION", "LogitPresence", "best_score", "crest", "gap", "learn_presence", "peak"]


class LogitPresence(Attack):
    """Classes that a party has: the most that it ever says for a class, on whichever public text.

    An adaptive attacker learns from shadow runs, which carry the defense, which score tells the classes that are there,
    that peak, a steadier one, or the log-odds of a class on its own texts, and where its threshold lies: a temperature,
    say, draws classes that are there and others together.
    """

    name: ClassVar[str] = "logit_presence"
    summary: ClassVar[str] = "the party's largest answer for each class on any public text"
    source: ClassVar[str] = "class-absence form of Shi et al. 2025; the largest answer: this project"
    secret: ClassVar[str] = "class_presence"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (
        PopulationFacts,
        PublicTextFacts,
    )

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """Party -> class -> score, larger for present."""
        knowledge = self.memo.of(view.public, lambda: ReferenceAnswers.of(view))
        score = self._learned(view, knowledge) if view.adaptive else None
        looks = look(view, view.transcript, parties_of(view))
        scores = {party: _presence(knowledge, logits) for party, logits in looks.items()}
        return named(view, {party: rows[0] if score is None else score(rows) for party, rows in scores.items()})

    def _learned(self, view: View, knowledge: ReferenceAnswers) -> Estimate | None:
        """Estimate learned on shadows; None where they have too few classes that are there, or too few that are not."""
        known = [(_presence(knowledge, logits), shares > 0) for logits, shares in shadow_looks(view, self.shadows)]
        present = np.concatenate([np.zeros(0, dtype=bool), *(has for _, has in known)])
        if min(int(present.sum()), int((~present).sum())) < ENOUGH:
            return None
        rows = np.concatenate([scores for scores, _ in known], axis=1)
        best = best_score(list(rows), present)
        threshold = learn_presence(rows[best], present)
        return lambda scores: threshold(scores[best])


def _presence(knowledge: ReferenceAnswers, logits: Floats) -> Floats:
    """Scores ``[3, classes]``, the one to take without shadows first."""
    logs = log_shares(logits)
    return np.stack([peak(logs), crest(logs), gap(logs.mean(0), knowledge.reference)])


FRACTION = 0.05
"""Share of the public texts that :func:`crest` averages over."""


def peak(answers: Floats) -> Floats:
    """Score ``[classes]``: the largest answer for each class on any text, less what that text gives all classes.

    ``answers [rounds, n, classes]`` are log-shares or logits; rounds are averaged. Raises DataError for another shape.
    """
    return crest(answers, texts=1)


def crest(answers: Floats, *, texts: int = 0) -> Floats:
    """Score ``[classes]`` over the ``texts`` largest answers for each class, a :data:`FRACTION` of all where 0."""
    if answers.ndim != 3 or not answers.shape[1]:
        raise DataError(f"answers {list(answers.shape)}; give [rounds, n, classes] on at least one public text")
    centred = answers - answers.mean(-1, keepdims=True)
    most = texts or max(round(FRACTION * answers.shape[1]), 1)
    return np.asarray(np.sort(centred, axis=1)[:, -most:].mean((0, 1)), dtype=np.float64)


def gap(answers: Floats, reference: Floats) -> Floats:
    """Score ``[classes]``, larger for classes that the party has: its mean log-odds of a class on texts of that class.

    ``answers [n, classes]`` are the party's log-shares, ``reference [n, classes]`` those of a model that knows all
    classes and says what the texts are about. The reference's own log-odds on the same texts are subtracted: some
    classes are hard for everyone.

    Raises:
        DataError: shapes differ.
    """
    if answers.ndim != 2 or answers.shape != reference.shape:
        raise DataError(f"answers {list(answers.shape)}, reference {list(reference.shape)}; give [n, classes] twice")
    weights = np.exp(reference)
    weights /= weights.sum(0, keepdims=True) + 1e-12
    above = _log_odds(answers) - _log_odds(reference)
    return np.asarray((weights * above).sum(0), dtype=np.float64)


def learn_presence(scores: Floats, present: Mask) -> Callable[[Floats], Floats]:
    """Score -> probability that the class is there, if half of all classes were.

    Logistic regression on ``scores [n]`` of parties of which it is known what is ``present [n]`` (Platt 1999). It keeps
    the order of scores, and puts 1/2 where balanced accuracy wants its threshold, which a defense moves.
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(scores.std()) or 1.0
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(scores[:, None] / scale, present)
    return lambda found: np.asarray(model.predict_proba(found[:, None] / scale)[:, 1], dtype=np.float64)


def best_score(scores: Sequence[Floats], present: Mask) -> int:
    """Index of the score ``[n]`` that tells ``present [n]`` classes best, by AUC; of equal ones the first.

    Raises:
        DataError: all classes are there, or none.
    """
    if present.all() or not present.any():
        raise DataError(f"{int(present.sum())} of {len(present)} classes are there: no score can be told from another")
    return int(np.argmax([auc(one, present.astype(int)) for one in scores]))


def _log_odds(logs: Floats) -> Floats:
    """Within +-20, so that one certain text does not decide."""
    capped = np.minimum(logs, -1e-9)
    return np.asarray(np.clip(capped - np.log(-np.expm1(capped)), -20.0, 20.0), dtype=np.float64)
