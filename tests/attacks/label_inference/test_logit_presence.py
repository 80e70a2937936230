from __future__ import annotations

import numpy as np
import pytest

from attacks.label_inference.answer_shares import log_shares, mean_softmax
from attacks.label_inference.logit_presence import best_score, crest, gap, learn_presence, peak
from harness.errors import DataError
from harness.metrics.membership import auc
from tests.stand_ins.skewed_labels import CLASSES, bayes, trained


def test_absent_classes_stand_out() -> None:
    scores, peaks, truth, plain = [], [], [], []
    for seed in range(6):
        party = trained(np.random.default_rng(seed), alpha=0.2)
        scores.append(gap(log_shares(party.logits), party.reference))
        peaks.append(peak(log_shares(party.logits)[None]))
        plain.append(mean_softmax(party.logits))
        truth.append(party.proportions >= 0.01)
    assert auc(np.concatenate(scores), np.concatenate(truth)) > 0.97
    assert auc(np.concatenate(peaks), np.concatenate(truth)) > 0.97
    assert auc(np.concatenate(plain), np.concatenate(truth)) > 0.95
    rng = np.random.default_rng(60)
    noise = log_shares(rng.normal(size=(40, 1000, CLASSES)))
    marks = (rng.random((40, CLASSES)) < 0.5).ravel()
    for noise_scores in ([gap(one, bayes(rng).reference) for one in noise], [peak(one[None]) for one in noise]):
        assert auc(np.concatenate(noise_scores), marks) == pytest.approx(0.5, abs=0.09)


def test_the_peak_is_the_largest_answer_less_its_texts_mean_in_each_round() -> None:
    answers = np.random.default_rng(61).normal(size=(3, 40, 4))
    slow = [np.mean([max(t[c] - sum(t) / 4 for t in one) for one in answers]) for c in range(4)]
    assert peak(answers) == pytest.approx(slow)
    few = [np.mean([sorted(t[c] - sum(t) / 4 for t in one)[-2:] for one in answers]) for c in range(4)]
    assert crest(answers) == pytest.approx(few)  # a twentieth of 40 texts
    with pytest.raises(DataError, match="at least one public text"):
        peak(np.zeros((2, 3)))


def test_the_score_that_tells_most_is_taken() -> None:
    present = np.arange(10) < 5
    exact, half, nothing = np.where(present, 2.0, 1.0), np.where(np.arange(10) < 3, 2.0, 1.0), np.ones(10)
    assert best_score([nothing, half, exact], present) == 2
    assert best_score([exact, exact], present) == 0
    with pytest.raises(DataError, match="10 of 10 classes"):
        best_score([exact], np.ones(10, dtype=bool))


def test_presence_is_learned_as_a_probability_with_its_threshold_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    present = rng.random(4000) < 0.8  # presence is common, and yet the threshold lies between the means
    score = learn_presence(rng.normal(size=4000) + np.where(present, 7.0, 3.0), present)
    assert score(np.array([5.0]))[0] == pytest.approx(0.5, abs=0.05)
    assert (np.diff(score(np.linspace(0.0, 10.0, 20))) > 0).all()
