"""Blind guess at membership by words, for scenarios whose attacker is given no common encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import label_ids, scores_of
from attacks.toolkit.memo import Memo
from attacks.toolkit.view import labels_of
from harness.attack import Attack, Floats, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindMembershipWords"]

STRENGTH = 10.0
"""Inverse L2 penalty of the logistic regression, as scikit-learn counts it."""
RAREST = 1e-9
"""Probability of a label that no auxiliary record has."""


class BlindMembershipWords(Attack):
    """Without the transcript: how easy a word model of the attacker's own finds the candidate's label. TF-IDF of words
    and pairs of them, then logistic regression, on the auxiliary records.
    """

    name: ClassVar[str] = "blind_membership_words"
    summary: ClassVar[str] = "confidence of a word model trained on auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self) -> None:
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        return scores_of(view.candidates, self.memo.of(view.public, lambda: _scores(view)))


def _scores(view: View) -> Floats:
    """Log-probability [m] of the label that each candidate carries."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    names = labels_of(view.public)
    known = [record for record in view.public.auxiliary if record.label in names]
    labels = np.array([names.index(str(record.label)) for record in known], dtype=np.int64)
    if len(set(labels.tolist())) < 2:
        raise SuiteError(f"a word model needs auxiliary records of 2 classes; these {len(known)} have fewer")
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\S+")
    model = make_pipeline(words, LogisticRegression(C=STRENGTH, max_iter=2000))
    model.fit([record.text for record in known], labels)
    chances = np.full((len(view.candidates), len(names)), RAREST)
    chances[:, model.classes_] = model.predict_proba([candidate.text for candidate in view.candidates])
    carried: Floats = chances[np.arange(len(view.candidates)), label_ids(view.candidates, view.public)]
    return np.log(carried)
