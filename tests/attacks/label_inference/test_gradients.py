"""Attacks on labels by gradients: all of them where they are in the open, chance where there is nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.label_inference.batch_inversion import BatchInversion, shares
from attacks.label_inference.blind_features import BlindFeatures
from attacks.label_inference.blind_labels import BlindLabels
from attacks.label_inference.gradient_clusters import GradientClusters
from attacks.label_inference.gradient_direction import GradientDirection
from attacks.label_inference.gradient_discriminant import GradientDiscriminant
from attacks.label_inference.gradient_norm import GradientNorm
from attacks.label_inference.gradient_spectral import GradientSpectral
from attacks.label_inference.gradient_with_states import GradientWithStates
from attacks.label_inference.logit_gradient_sign import LogitGradientSign
from attacks.label_inference.model_completion import ModelCompletion
from attacks.toolkit.label_guess import completed, discriminant, principal
from attacks.toolkit.readers.cut_gradients import epochs_of, first_states
from harness.attack import FinetuneFacts, auc
from tests.stand_ins.cut_gradient_world import GradientView, gradient_world

BY_DIRECTION = [
    GradientDirection,
    GradientDiscriminant,
    GradientSpectral,
    GradientClusters,
    BatchInversion,
    GradientWithStates,
]


@pytest.fixture(autouse=True)
def no_auxiliary_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in has no model: clusters are then mapped at random, and read both ways round."""
    nothing = (np.zeros((0, 1)), list[int]())
    monkeypatch.setattr("attacks.label_inference.gradient_clusters.auxiliary_states", lambda view, texts: nothing)
    monkeypatch.setattr("attacks.label_inference.blind_features.untrained_answers", first_states)


def area(attack: Any, view: GradientView) -> float:
    scores, classes = view.scores(attack.guess(view))
    assert all(0 <= score <= 1 for score in scores)
    found = float(auc(scores, classes))
    return max(found, 1 - found) if isinstance(attack, GradientClusters) else found


@pytest.mark.parametrize("attack", BY_DIRECTION)
def test_open_gradients_tell_every_label(attack: Any) -> None:
    view = gradient_world()
    assert area(attack(), view) == 1.0
    scores, classes = view.scores(attack().guess(view))
    right = np.mean([(score >= 0.5) == bool(label) for score, label in zip(scores, classes, strict=True)])
    assert right == 1.0 or (attack is GradientClusters and right == 0.0)


@pytest.mark.parametrize("attack", [*BY_DIRECTION, GradientNorm, ModelCompletion, BlindFeatures, BlindLabels])
def test_gradients_without_content_are_chance(attack: Any) -> None:
    areas = [area(attack(), gradient_world(content=False, records=120, seed=seed)) for seed in range(6)]
    assert abs(np.mean(areas) - 0.5) < (0.1 if attack is GradientClusters else 0.06)


def test_norms_tell_a_rare_class_and_no_other() -> None:
    assert area(GradientNorm(), gradient_world(share=0.15, noise=0.1)) > 0.99
    assert 0.2 < area(GradientNorm(), gradient_world(share=0.5)) < 0.8


def test_many_epochs_outlast_noise() -> None:
    """Noise that is drawn anew in every epoch: what one epoch hides, eight do not."""
    one, eight = (gradient_world(noise=6.0, epochs=n, records=160, seed=3) for n in (1, 8))
    for attack in (GradientSpectral, GradientDiscriminant):
        assert area(attack(), eight) > max(0.9, area(attack(), one) + 0.02)


def test_the_sign_of_logit_gradients_is_the_label() -> None:
    view: Any = gradient_world(logits=True)
    scores, classes = view.scores(LogitGradientSign().guess(view))
    assert [score > 0.5 for score in scores] == [bool(label) for label in classes]
    assert LogitGradientSign().refuses(gradient_world().public)
    assert LogitGradientSign().refuses(view.public) is None


@pytest.mark.parametrize(("batch", "width", "exact"), [(4, 16, True), (16, 16, True), (17, 16, False), (40, 16, False)])
def test_shares_of_a_batch_are_exact_while_it_is_no_larger_than_the_width(batch: int, width: int, exact: bool) -> None:
    rng = np.random.default_rng(batch)
    inputs, gradients = rng.normal(size=(batch, width)), rng.normal(size=(batch, 5))
    total = np.sum([np.outer(g, h) for g, h in zip(gradients, inputs, strict=True)], axis=0)  # as autograd adds it up
    assert np.allclose(shares(total, inputs), gradients) is exact
    slow = np.linalg.lstsq(inputs.T, total.T, rcond=None)[0]
    assert np.allclose(shares(total, inputs), slow), "the solution of least norm"


def test_hints_are_never_among_what_is_scored() -> None:
    view = gradient_world()
    facts = view.public.need(FinetuneFacts)
    assert not set(view.truth) & set(facts.hints)
    assert area(GradientDirection(), view) == 1.0


def test_an_epoch_ends_before_a_record_comes_again() -> None:
    view: Any = gradient_world(records=20, batch=6, epochs=3)
    epochs = epochs_of(view)
    assert [len(epoch.records) for epoch in epochs] == [20, 20, 20]
    assert all(len(set(epoch.records)) == 20 for epoch in epochs)


def test_the_principal_direction_is_that_of_the_largest_eigenvalue() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 6)) * np.arange(1, 7)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    assert abs(principal(rows) @ vectors[:, np.argmax(values)]) == pytest.approx(1.0)


def test_the_discriminant_is_fishers_where_all_rows_are_labelled() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 2, 300)
    rows = rng.normal(size=(300, 3)) * [1.0, 5.0, 0.5] + np.outer(classes, [1.0, 0.0, 1.0])
    odds = discriminant(rows, list(range(300)), classes.tolist(), rounds=0)
    means = [rows[classes == c].mean(0) for c in (0, 1)]
    slow = np.linalg.solve(np.cov(rows.T), means[1] - means[0])
    assert np.corrcoef(odds, rows @ slow)[0, 1] > 0.99, "the covariance is shrunk a little"


def test_completion_needs_features_that_follow_the_labels() -> None:
    rng = np.random.default_rng(2)
    classes = rng.integers(0, 2, 200)
    far = rng.normal(size=(200, 10)) + 3 * classes[:, None]
    places = [int(i) for c in (0, 1) for i in np.flatnonzero(classes == c)[:5]]
    labels = [int(classes[i]) for i in places]
    assert auc(completed(far, places, labels).tolist(), classes.tolist()) > 0.99
    nothing = completed(rng.normal(size=(200, 10)), places, labels)
    assert abs(auc(nothing.tolist(), classes.tolist()) - 0.5) < 0.2
