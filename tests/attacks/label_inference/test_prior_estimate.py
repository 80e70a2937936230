"""Each estimate against its definition, against truth where it is exact, and against uniform guessing where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.label_inference.answer_shares import hard_labels, log_shares, mean_softmax
from attacks.label_inference.logit_presence import gap
from attacks.label_inference.prior_estimate import fit_prior, fit_prior_to_noisy_logits
from harness.errors import DataError
from tests.stand_ins.skewed_labels import CLASSES, bayes, distance, trained

UNIFORM = np.full(CLASSES, 1 / CLASSES)


def shares(logits: Any) -> Any:
    return np.exp(log_shares(logits))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_prior_fit_is_exact_on_bayes_answers(temperature: float) -> None:
    """Proportions, not text topics: the mean softmax stays far from them."""
    for seed in range(5):
        party = bayes(np.random.default_rng(seed))
        answers = shares(party.logits / temperature)
        assert distance(fit_prior(answers, party.reference, UNIFORM, temperature=temperature), party.proportions) < 0.01
        assert distance(mean_softmax(party.logits), party.proportions) > 0.08
        least = fit_prior_to_noisy_logits(party.logits / temperature, party.reference, UNIFORM, temperature=temperature)
        assert distance(least, party.proportions) < 1e-6


def test_prior_fit_undoes_any_reference_prior_and_weaker_evidence() -> None:
    party = bayes(np.random.default_rng(5))
    skewed = np.random.default_rng(6).dirichlet([2.0] * CLASSES)
    reference = log_shares(party.reference + np.log(skewed))
    assert distance(fit_prior(shares(party.logits), reference, skewed), party.proportions) < 0.01
    weak = 0.4 * (party.logits - np.log(party.proportions)) + np.log(party.proportions)
    assert distance(fit_prior(shares(weak), party.reference, UNIFORM, evidence=True), party.proportions) < 0.02
    assert distance(fit_prior(shares(weak), party.reference, UNIFORM), party.proportions) > 0.05


def test_prior_fit_is_the_optimum_that_a_general_solver_finds() -> None:
    party = bayes(np.random.default_rng(7), public=60)
    answers = shares(party.logits + np.random.default_rng(8).normal(size=party.logits.shape))
    proportions = fit_prior(answers, party.reference, UNIFORM)

    def loss(pi: Any) -> Any:
        logs = party.reference + np.log(pi / UNIFORM)
        return -(answers * (logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))).sum() / len(answers)

    rng = np.random.default_rng(9)
    assert all(
        loss(proportions) <= loss(proportions * 0.98 + 0.02 * rng.dirichlet([1.0] * CLASSES)) + 1e-5 for _ in range(200)
    )


def test_hard_labels_leak_the_proportions_too() -> None:
    distances: dict[str, list[float]] = {"fit": [], "histogram": [], "uniform": []}
    for seed in range(5):
        party = bayes(np.random.default_rng(seed + 20))
        said = np.eye(CLASSES)[hard_labels(party.logits, np.random.default_rng(0))]
        fitted = fit_prior(said, party.reference, UNIFORM, temperature=None)
        distances["fit"].append(distance(fitted, party.proportions))
        distances["histogram"].append(distance(said.mean(0), party.proportions))
        distances["uniform"].append(distance(UNIFORM, party.proportions))
    assert np.mean(distances["fit"]) < 0.06 < 0.5 * np.mean(distances["uniform"])
    assert np.mean(distances["fit"]) < 0.5 * np.mean(distances["histogram"])


def test_noise_averages_out_of_logits_sooner_than_of_shares() -> None:
    errors: dict[str, list[float]] = {"softmax": [], "logits": [], "temperature": []}
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
def test_trained_parties_are_at_least_twice_better_than_uniform(separation: float, alpha: float) -> None:
    distances: dict[str, list[float]] = {"fit": [], "mean": [], "uniform": []}
    for seed in range(4):
        party = trained(np.random.default_rng(seed), separation=separation, alpha=alpha)
        fitted = fit_prior(shares(party.logits), party.reference, UNIFORM)
        for name, guess in (("fit", fitted), ("mean", mean_softmax(party.logits)), ("uniform", UNIFORM)):
            distances[name].append(distance(guess, party.proportions))
    means = {name: np.mean(values) for name, values in distances.items()}
    assert means["fit"] < 0.5 * means["uniform"] and means["fit"] < 0.75 * means["mean"]


def test_noise_of_the_right_shape_tells_no_proportions() -> None:
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


def test_unusable_references_are_refused() -> None:
    with pytest.raises(DataError, match=r"give .*; the reference's proportions"):
        fit_prior(np.ones((2, 3)), np.ones((3, 3)), np.array([0.5, 0.5, 0.0]))
    with pytest.raises(DataError, match="twice"):
        gap(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(DataError, match="finite"):
        fit_prior_to_noisy_logits(np.full((2, 2), -np.inf), np.zeros((2, 2)), np.array([0.5, 0.5]))


def test_labels_sharper_than_the_reference_are_tempered_and_blunter_ones_know_less() -> None:
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
        fits = (fit_prior(drawn, party.reference, prior, temperature=None, evidence=e) for e in (False, True))
        blunt.append([distance(one, party.proportions) for one in fits])
    assert max(sharp) < 0.01
    tempered, knowing = np.mean(blunt, axis=0)
    assert knowing < 0.05 and knowing < 0.5 * tempered
