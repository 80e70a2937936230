"""Each estimate against its definition, against truth where it is exact, and against uniform guessing where not."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from attacks.label_distribution.answers import argmax_histogram, hard_labels, log_shares, mean_softmax
from attacks.label_distribution.presence import best_score, crest, gap, peak
from attacks.label_distribution.prior import fit_prior, fit_prior_to_noisy_logits
from attacks.label_distribution.shift import black_box_shift, confusion, fit_response
from harness.errors import DataError
from harness.metrics.membership import auc

from .worlds import CLASSES, bayes, distance, trained

UNIFORM = np.full(CLASSES, 1 / CLASSES)


def shares(logits):
    return np.exp(log_shares(logits))


def test_mean_softmax_follows_its_definition():
    logits = np.random.default_rng(0).normal(size=(3, 5, 4)) * 2
    expected = np.zeros(4)
    for row in logits.reshape(-1, 4):
        expected += np.array([exp(value) for value in row]) / sum(exp(value) for value in row) / 15
    assert mean_softmax(logits) == pytest.approx(expected)
    assert mean_softmax(logits + 5.0) == pytest.approx(expected)


def test_histogram_counts_and_ties_favour_no_class():
    assert argmax_histogram(np.array([[0, 1], [1, 3]]), 4).tolist() == [0.25, 0.5, 0.0, 0.25]
    drawn = argmax_histogram(hard_labels(np.zeros((4000, 4)), np.random.default_rng(1)), 4)
    assert drawn == pytest.approx(0.25, abs=0.03)
    logits = np.random.default_rng(2).normal(size=(50, 4))
    assert (hard_labels(logits, np.random.default_rng(3)) == logits.argmax(1)).all()
    with pytest.raises(DataError, match="among 4 classes"):
        argmax_histogram(np.array([4]), 4)


def test_truncated_answers_share_what_is_missing():
    logits = np.array([[2.0, 1.0, -np.inf, -np.inf]])
    assert np.isfinite(log_shares(logits)).all() and mean_softmax(logits).sum() == pytest.approx(1)
    filled = np.exp(log_shares(logits, share_of_rest=0.1))
    assert filled[0, 2:] == pytest.approx([0.05, 0.05]) and filled.sum() == pytest.approx(1)
    assert filled[0, 0] / filled[0, 1] == pytest.approx(exp(1))
    untouched = np.random.default_rng(4).normal(size=(3, 4))
    assert log_shares(untouched, share_of_rest=0.1) == pytest.approx(log_shares(untouched))
    with pytest.raises(DataError, match="nan"):
        log_shares(np.array([[np.nan, 1.0]]))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_prior_fit_is_exact_on_bayes_answers(temperature):
    """Proportions, not text topics: the mean softmax stays far from them."""
    for seed in range(5):
        party = bayes(np.random.default_rng(seed))
        answers = shares(party.logits / temperature)
        assert distance(fit_prior(answers, party.reference, UNIFORM, temperature=temperature), party.proportions) < 0.01
        assert distance(mean_softmax(party.logits), party.proportions) > 0.08
        least = fit_prior_to_noisy_logits(party.logits / temperature, party.reference, UNIFORM, temperature=temperature)
        assert distance(least, party.proportions) < 1e-6


def test_prior_fit_undoes_any_reference_prior_and_weaker_evidence():
    party = bayes(np.random.default_rng(5))
    skewed = np.random.default_rng(6).dirichlet([2.0] * CLASSES)
    reference = log_shares(party.reference + np.log(skewed))
    assert distance(fit_prior(shares(party.logits), reference, skewed), party.proportions) < 0.01
    weak = 0.4 * (party.logits - np.log(party.proportions)) + np.log(party.proportions)
    assert distance(fit_prior(shares(weak), party.reference, UNIFORM, evidence=True), party.proportions) < 0.02
    assert distance(fit_prior(shares(weak), party.reference, UNIFORM), party.proportions) > 0.05


def test_prior_fit_is_the_optimum_that_a_general_solver_finds():
    party = bayes(np.random.default_rng(7), public=60)
    answers = shares(party.logits + np.random.default_rng(8).normal(size=party.logits.shape))
    found = fit_prior(answers, party.reference, UNIFORM)

    def loss(pi):
        logs = party.reference + np.log(pi / UNIFORM)
        return -(answers * (logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))).sum() / len(answers)

    rng = np.random.default_rng(9)
    assert all(loss(found) <= loss(found * 0.98 + 0.02 * rng.dirichlet([1.0] * CLASSES)) + 1e-5 for _ in range(200))


def test_hard_labels_leak_the_proportions_too():
    found = {"fit": [], "histogram": [], "uniform": []}
    for seed in range(5):
        party = bayes(np.random.default_rng(seed + 20))
        said = np.eye(CLASSES)[hard_labels(party.logits, np.random.default_rng(0))]
        fitted = fit_prior(said, party.reference, UNIFORM, temperature=None)
        found["fit"].append(distance(fitted, party.proportions))
        found["histogram"].append(distance(said.mean(0), party.proportions))
        found["uniform"].append(distance(UNIFORM, party.proportions))
    assert np.mean(found["fit"]) < 0.06 < 0.5 * np.mean(found["uniform"])
    assert np.mean(found["fit"]) < 0.5 * np.mean(found["histogram"])


def test_noise_averages_out_of_logits_sooner_than_of_shares():
    errors = {"softmax": [], "logits": [], "temperature": []}
    for seed in range(5):
        rng = np.random.default_rng(seed + 30)
        party = bayes(rng, separation=0.4)
        noisy = party.logits + 5.0 * rng.normal(size=party.logits.shape)
        said = shares(noisy)
        errors["softmax"].append(distance(fit_prior(said, party.reference, UNIFORM), party.proportions))
        errors["temperature"].append(
            distance(fit_prior(said, party.reference, UNIFORM, temperature=None), party.proportions)
        )
        errors["logits"].append(distance(fit_prior_to_noisy_logits(noisy, party.reference, UNIFORM), party.proportions))
    means = {name: np.mean(values) for name, values in errors.items()}
    assert means["logits"] < 0.1 and means["logits"] < 0.5 * means["softmax"]
    assert means["temperature"] < means["softmax"]


@pytest.mark.parametrize(("separation", "alpha"), [(0.3, 0.5), (0.6, 0.5), (0.6, 0.1)])
def test_trained_parties_are_at_least_twice_better_than_uniform(separation, alpha):
    found = {"fit": [], "mean": [], "uniform": []}
    for seed in range(4):
        party = trained(np.random.default_rng(seed), separation=separation, alpha=alpha)
        fitted = fit_prior(shares(party.logits), party.reference, UNIFORM)
        for name, guess in (("fit", fitted), ("mean", mean_softmax(party.logits)), ("uniform", UNIFORM)):
            found[name].append(distance(guess, party.proportions))
    means = {name: np.mean(values) for name, values in found.items()}
    assert means["fit"] < 0.5 * means["uniform"] and means["fit"] < 0.75 * means["mean"]


def test_noise_of_the_right_shape_tells_no_proportions():
    """The estimate cannot follow the party: it is as far from it as from anyone else's proportions."""
    rng = np.random.default_rng(40)
    near, far = [], []
    for _ in range(12):
        party, other = bayes(rng), bayes(rng)
        guess = fit_prior(shares(3.0 * rng.normal(size=party.logits.shape)), party.reference, UNIFORM)
        near.append(distance(guess, party.proportions))
        far.append(distance(guess, other.proportions))
    assert np.mean(near) == pytest.approx(np.mean(far), abs=0.1)
    assert np.mean(near) > 0.3


def test_black_box_shift_inverts_the_confusion_matrix():
    rng = np.random.default_rng(50)
    truth = rng.dirichlet([1.0] * 6)
    matrix = 0.6 * np.eye(6) + 0.4 * rng.dirichlet([1.0] * 6, size=6).T
    found = black_box_shift(matrix @ truth, matrix)
    assert found == pytest.approx(truth, abs=1e-6) and found == pytest.approx(np.linalg.inv(matrix) @ (matrix @ truth))
    impossible = black_box_shift(np.array([1.0, 0, 0, 0, 0, 0]), matrix)
    assert impossible.min() >= 0 and impossible.sum() == pytest.approx(1) and impossible.argmax() == 0
    with pytest.raises(DataError, match="confusion"):
        black_box_shift(truth, matrix[:5])


def test_black_box_shift_finds_the_topics_of_the_inputs():
    """Its own setting: the same classifier, inputs of unknown proportions, hard answers."""
    rng = np.random.default_rng(51)
    party = bayes(rng, separation=0.7, public=20000)
    answers = hard_labels(party.reference, rng)
    matrix = confusion(answers[:10000], party.topics[:10000], CLASSES)
    weights = rng.dirichlet([0.5] * CLASSES)[party.topics[10000:]]
    drawn = 10000 + rng.choice(10000, size=5000, p=weights / weights.sum())
    truth = np.bincount(party.topics[drawn], minlength=CLASSES) / 5000
    histogram = argmax_histogram(answers[drawn], CLASSES)
    assert distance(black_box_shift(histogram, matrix), truth) < 0.05 < distance(histogram, truth)


def test_confusion_columns_are_answers_per_class():
    matrix = confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 4)
    assert matrix[:, 0].tolist() == [0.5, 0.5, 0, 0] and matrix[:, 1].tolist() == [0, 0.5, 0.5, 0]
    assert matrix[:, 2].tolist() == [0, 0, 1, 0] and matrix[:, 3].tolist() == [0, 0, 0, 1]
    with pytest.raises(DataError, match="one for each"):
        confusion(np.zeros(2, dtype=int), np.zeros(3, dtype=int), 4)


def test_shadows_teach_how_answers_respond_to_proportions():
    rng = np.random.default_rng(52)
    matrix = 0.3 * np.eye(5) + 0.7 * rng.dirichlet([1.0] * 5, size=5).T
    proportions = rng.dirichlet([0.5] * 5, size=200)
    found = fit_response(proportions @ matrix.T, proportions, np.eye(5))
    assert found == pytest.approx(matrix, abs=0.01)
    assert fit_response(np.zeros((0, 5)), np.zeros((0, 5)), matrix) == pytest.approx(matrix)
    with pytest.raises(DataError, match="start"):
        fit_response(proportions, proportions, np.eye(4))


def test_absent_classes_stand_out():
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
    for found in ([gap(one, bayes(rng).reference) for one in noise], [peak(one[None]) for one in noise]):
        assert auc(np.concatenate(found), marks) == pytest.approx(0.5, abs=0.09)


def test_the_peak_is_the_largest_answer_less_its_texts_mean_in_each_round():
    answers = np.random.default_rng(61).normal(size=(3, 40, 4))
    slow = [np.mean([max(t[c] - sum(t) / 4 for t in one) for one in answers]) for c in range(4)]
    assert peak(answers) == pytest.approx(slow)
    few = [np.mean([sorted(t[c] - sum(t) / 4 for t in one)[-2:] for one in answers]) for c in range(4)]
    assert crest(answers) == pytest.approx(few)  # a twentieth of 40 texts
    with pytest.raises(DataError, match="at least one public text"):
        peak(np.zeros((2, 3)))


def test_the_score_that_tells_most_is_taken():
    present = np.arange(10) < 5
    told, half, nothing = np.where(present, 2.0, 1.0), np.where(np.arange(10) < 3, 2.0, 1.0), np.ones(10)
    assert best_score([nothing, half, told], present) == 2
    assert best_score([told, told], present) == 0
    with pytest.raises(DataError, match="10 of 10 classes"):
        best_score([told], np.ones(10, dtype=bool))


def test_unusable_references_are_refused():
    with pytest.raises(DataError, match=r"give .*; the reference's proportions"):
        fit_prior(np.ones((2, 3)), np.ones((3, 3)), np.array([0.5, 0.5, 0.0]))
    with pytest.raises(DataError, match="twice"):
        gap(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(DataError, match="finite"):
        fit_prior_to_noisy_logits(np.full((2, 2), -np.inf), np.zeros((2, 2)), np.array([0.5, 0.5]))


def test_labels_sharper_than_the_reference_are_tempered_and_blunter_ones_know_less():
    """Two worlds that one slope tells apart: labels that are the reference's posterior cut off, and labels drawn from
    one with half of the reference's evidence."""
    rng, prior = np.random.default_rng(11), np.full(CLASSES, 1 / CLASSES)
    sharp, blunt = [], []
    for _ in range(4):
        party = bayes(rng, separation=0.5)
        cut = np.eye(CLASSES)[party.logits.argmax(1)]
        same = [fit_prior(cut, party.reference, prior, temperature=None, evidence=e) for e in (False, True)]
        sharp.append(distance(*same))
        logits = 0.5 * party.reference + np.log(party.proportions)
        drawn = np.eye(CLASSES)[(logits + rng.gumbel(size=logits.shape)).argmax(1)]
        found = (fit_prior(drawn, party.reference, prior, temperature=None, evidence=e) for e in (False, True))
        blunt.append([distance(one, party.proportions) for one in found])
    assert max(sharp) < 0.01
    tempered, knowing = np.mean(blunt, axis=0)
    assert knowing < 0.05 and knowing < 0.5 * tempered
