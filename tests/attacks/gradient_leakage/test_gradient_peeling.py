"""Peeling: whole batches of a random encoder, nothing from noise, and its two ideas against slow definitions."""

from __future__ import annotations

from pathlib import Path

import torch

from attacks.gradient_leakage.gradient_peeling import GradientPeeling
from attacks.gradient_leakage.gradient_peeling.comembership import pursue
from attacks.gradient_leakage.gradient_peeling.pairs import candidate_pairs
from attacks.gradient_leakage.gradient_span import spans_of
from attacks.toolkit.readers.gradients import learner_at, shared_gradients
from harness.scenario.secrets import BatchTextSecret
from harness.wire.facts import GradientFacts
from tests.stand_ins.gradient_world import deploy, gradient_view, scores_of, toy_bert


def test_batches_of_a_random_encoder_are_recovered_exactly(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)), batch_size=3)
    attack = GradientPeeling()
    guess = attack.guess(gradient_view(deployment))
    assert scores_of(deployment, guess) == [1.0] * 6
    assert scores_of(deployment, guess, "false_positives") == [0.0, 0.0]
    assert max(attack.facts(())["residual"].values()) < 1e-4


def test_noise_gives_nothing(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)))
    guess = GradientPeeling().guess(gradient_view(deployment, content=False))
    assert scores_of(deployment, guess) == [0.0] * 4


def test_causal_models_are_refused(toy_folder: Path) -> None:
    assert "causal" in str(GradientPeeling().refuses(deploy(toy_folder).public))


def test_candidates_hold_all_true_pairs_and_few_others(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)), batch_size=3)
    (first, *_) = shared_gradients(gradient_view(deployment))
    learner = learner_at(deployment.public, first)
    span, _ = spans_of(first.values, learner)
    assert span is not None
    secret, facts = deployment.secrets["batch_texts"], deployment.public.need(GradientFacts)
    assert isinstance(secret, BatchTextSecret)
    texts = [secret.texts.tokens[record] for record in secret.senders[first.sender]]
    true = {(t, p) for text in texts for p, t in enumerate([*facts.prefix, *text, *facts.suffix])}
    pairs = set(candidate_pairs(first.values, learner.part, span, 14))
    assert true <= pairs
    assert len(pairs) < 2 * len(true)


def test_pursuit_finds_the_atoms_of_a_sum() -> None:
    rng = torch.Generator().manual_seed(0)
    keys = torch.randn(4, 30, 16, generator=rng, dtype=torch.float64)
    positions = [i % 6 for i in range(30)]
    own = [0, 7, 14, 21]  # one at each of four positions
    weights = torch.randn(4, 4, generator=rng, dtype=torch.float64)
    weights = weights - weights.mean(1, keepdim=True)  # as rows of a softmax's gradient
    target = (weights[:, :, None] * keys[:, own]).sum(1)
    chosen, left = pursue(target, keys, positions, 6, lambda atoms: len(atoms) == 4)
    assert sorted(chosen) == own
    assert left < 1e-9
