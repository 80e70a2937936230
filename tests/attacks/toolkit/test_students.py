from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.toolkit.confidence import logit_confidence
from attacks.toolkit.students import distilled_lira, draw_subsets, fit_student, prepare
from harness.errors import DataError
from harness.metrics.membership import auc


def test_a_student_of_a_linear_party_is_the_party() -> None:
    rng = np.random.default_rng(4)
    public, candidates = rng.normal(size=(300, 40)), rng.normal(size=(50, 40))
    weight, bias = rng.normal(size=(40, 6)), rng.normal(size=6)
    common = rng.normal(size=(300, 1))  # softmax does not see it
    student = fit_student(prepare(public), public @ weight + bias + common)
    truth = candidates @ weight + bias
    assert student.logits(candidates) == pytest.approx(truth - truth.mean(1, keepdims=True), abs=1e-3)


def test_the_penalty_is_the_one_that_left_out_records_prefer() -> None:
    rng = np.random.default_rng(5)
    public, noise = rng.normal(size=(80, 60)), rng.normal(size=(80, 3))
    basis = prepare(public)
    logits = public @ rng.normal(size=(60, 3)) * 0.1 + 2.0 * noise
    penalties = (1e-6, 1e-2, 1.0, 100.0)

    def left_out(penalty: Any) -> Any:
        rows = np.arange(80)
        errors = []
        for row in rows:
            part = rows != row
            # The same centre and penalty as the whole fit: the closed form leaves out one row of that regression.
            x, y = public - public.mean(0), logits - logits.mean(1, keepdims=True)
            y = y - y.mean(0)
            x1, y1 = np.c_[np.ones(79), x[part]], y[part]
            gram = x1.T @ x1 + np.diag([0.0] + [penalty * 80] * 60)
            errors.append(((y[row] - np.r_[1.0, x[row]] @ np.linalg.solve(gram, x1.T @ y1)) ** 2).sum())
        return sum(errors)

    assert fit_student(basis, logits, penalties).penalty == min(penalties, key=left_out)


def test_students_lack_what_the_party_memorised() -> None:
    rng = np.random.default_rng(6)
    public, candidates = rng.normal(size=(400, 30)), rng.normal(size=(600, 30))
    weight, labels = rng.normal(size=(30, 4)), rng.integers(4, size=600)
    members = np.arange(600) < 300
    answers = public @ weight + 0.5 * rng.normal(size=(400, 4))
    own = candidates @ weight
    own[members, labels[members]] += 1.0
    target = logit_confidence(own, labels)
    scores = distilled_lira(target, draw_subsets(prepare(public), rng, students=6), answers, candidates, labels)
    assert auc(scores, members) > 0.9 > auc(target, members)


def test_unusable_public_answers_are_refused() -> None:
    with pytest.raises(DataError, match="at least 3"):
        prepare(np.zeros((2, 4)))
    basis = prepare(np.eye(5))
    with pytest.raises(DataError, match="finite"):
        fit_student(basis, np.full((5, 2), -np.inf))
    with pytest.raises(DataError, match="5 public texts"):
        fit_student(basis, np.zeros((4, 2)))
