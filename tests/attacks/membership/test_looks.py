"""Rounds summed, labels alone, and students: what they add, and that they add nothing to nothing."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.membership import lira
from attacks.membership.confidence import logit_confidence
from attacks.membership.label_only import disturbed, disturbed_copies, flip_rate, kept_share
from attacks.membership.rounds import fit_weights, summed
from attacks.membership.shadows import fit_gaussians
from attacks.membership.surrogate import distilled_lira, draw_subsets, fit_student, prepare
from harness.errors import DataError
from harness.metrics.membership import auc

from .worlds import gaussian


def noisy_rounds(rng, rounds, power, noise, shadows=64, candidates=3000):
    toy = gaussian(rng, shadows, candidates, 0.0, spread=1.0)
    looks = power * toy.members[..., None] + rng.normal(size=candidates)[:, None]
    return looks + noise * rng.normal(size=(*toy.members.shape, rounds)), toy.members


def reach(looks, members, weigh):
    scores = weigh(looks[1:], looks, members[1:])
    return auc(lira.online(scores[0], fit_gaussians(scores[1:], members[1:], fixed_variance=True)), members[0])


@pytest.mark.parametrize("rounds", [1, 4, 16])
def test_rounds_under_fresh_noise_gain_the_square_root(rounds):
    looks, members = noisy_rounds(np.random.default_rng(0), rounds, 1.0, 2.0)
    expected = lira.expected_auc(rounds**0.5 / 2.0)
    for weigh in (lambda s, x, m: summed(x), lambda s, x, m: x @ fit_weights(s, m)):
        assert reach(looks, members, weigh) == pytest.approx(expected, abs=0.025)


def test_weights_find_the_looks_that_tell():
    """Of three looks, one is moved by membership, one carries its noise alone, one is noise of its own."""
    rng = np.random.default_rng(1)
    looks, members = noisy_rounds(rng, 3, 0.0, 1.0)
    shared = 2.0 * rng.normal(size=members.shape)
    looks[..., 0] += members + shared
    looks[..., 1] += shared
    weights = fit_weights(looks[1:], members[1:])
    assert weights[0] > 0 > weights[1] and abs(weights[2]) < 0.2 * weights[0]
    told = reach(looks, members, lambda s, x, m: x @ fit_weights(s, m))
    assert told > reach(looks, members, lambda s, x, m: summed(x)) + 0.1
    with pytest.raises(DataError, match="looks"):
        fit_weights(looks[1:, :, 0], members[1:])
    with pytest.raises(DataError, match="use more shadows"):
        fit_weights(looks[:1], members[:1])


def test_disturbed_texts_stay_near_and_differ():
    rng = np.random.default_rng(2)
    text = "one two three four five six seven eight nine ten"
    copies = disturbed_copies(text, 40, rng)
    assert len(copies) == 40 and all(copy != text for copy in copies)
    assert all(set(copy.split()) <= set(text.split()) and copy for copy in copies)
    lengths = [len(copy.split()) for copy in copies]
    assert np.mean(lengths[:10]) > np.mean(lengths[-10:])
    assert disturbed("alone", rng) == "alone" and disturbed("", rng) == ""
    assert all(disturbed("only two", rng, 0.9).split() for _ in range(50))


def test_members_keep_their_label_under_disturbance():
    rng = np.random.default_rng(3)
    members = np.arange(2000) < 1000
    margin = np.where(members, 2.0, 0.5) + rng.normal(size=2000)
    answers = (margin + 1.5 * rng.normal(size=(40, 2000)) < 0).astype(int)
    labels = np.zeros(2000, dtype=int)
    kept = kept_share(answers, labels)
    assert kept[0] == np.mean([answers[copy, 0] == labels[0] for copy in range(40)])
    assert auc(kept, members) > 0.75 and auc(-flip_rate(answers, labels), members) == auc(kept, members)
    assert auc(kept_share(rng.permuted(answers, axis=1), labels), members) == pytest.approx(0.5, abs=0.03)
    with pytest.raises(DataError, match="copies, m"):
        kept_share(answers[0], labels)


def test_a_student_of_a_linear_party_is_the_party():
    rng = np.random.default_rng(4)
    public, candidates = rng.normal(size=(300, 40)), rng.normal(size=(50, 40))
    weight, bias = rng.normal(size=(40, 6)), rng.normal(size=6)
    common = rng.normal(size=(300, 1))  # softmax does not see it
    student = fit_student(prepare(public), public @ weight + bias + common)
    truth = candidates @ weight + bias
    assert student.logits(candidates) == pytest.approx(truth - truth.mean(1, keepdims=True), abs=1e-3)


def test_the_penalty_is_the_one_that_left_out_records_prefer():
    rng = np.random.default_rng(5)
    public, noise = rng.normal(size=(80, 60)), rng.normal(size=(80, 3))
    basis = prepare(public)
    logits = public @ rng.normal(size=(60, 3)) * 0.1 + 2.0 * noise
    penalties = (1e-6, 1e-2, 1.0, 100.0)

    def left_out(penalty):
        rows = np.arange(80)
        errors = []
        for one in rows:
            part = rows != one
            # The same centre and penalty as the whole fit: the closed form leaves out one row of that regression.
            x, y = public - public.mean(0), logits - logits.mean(1, keepdims=True)
            y = y - y.mean(0)
            x1, y1 = np.c_[np.ones(79), x[part]], y[part]
            gram = x1.T @ x1 + np.diag([0.0] + [penalty * 80] * 60)
            errors.append(((y[one] - np.r_[1.0, x[one]] @ np.linalg.solve(gram, x1.T @ y1)) ** 2).sum())
        return sum(errors)

    assert fit_student(basis, logits, penalties).penalty == min(penalties, key=left_out)


def test_students_lack_what_the_party_memorised():
    rng = np.random.default_rng(6)
    public, candidates = rng.normal(size=(400, 30)), rng.normal(size=(600, 30))
    weight, labels = rng.normal(size=(30, 4)), rng.integers(4, size=600)
    members = np.arange(600) < 300
    answers = public @ weight + 0.5 * rng.normal(size=(400, 4))
    own = candidates @ weight
    own[members, labels[members]] += 1.0
    target = logit_confidence(own, labels)
    found = distilled_lira(target, draw_subsets(prepare(public), rng, students=6), answers, candidates, labels)
    assert auc(found, members) > 0.9 > auc(target, members)


def test_unusable_public_answers_are_refused():
    with pytest.raises(DataError, match="at least 3"):
        prepare(np.zeros((2, 4)))
    basis = prepare(np.eye(5))
    with pytest.raises(DataError, match="finite"):
        fit_student(basis, np.full((5, 2), -np.inf))
    with pytest.raises(DataError, match="5 public texts"):
        fit_student(basis, np.zeros((4, 2)))
