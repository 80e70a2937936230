"""Tokens and labels straight from gradients, blind floors, and the attack on noisy gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attacks.gradient_leakage.blind_bag import BlindBag
from attacks.gradient_leakage.blind_batch import BlindBatch
from attacks.gradient_leakage.gradient_labels import GradientLabels, whole_numbers
from attacks.gradient_leakage.gradient_readout import GradientReadout, present_rows
from attacks.gradient_leakage.gradient_subspace import GradientSubspace, signal_space
from harness.scenario.secrets import BagSecret, BatchTextSecret
from tests.stand_ins.gradient_world import deploy, gradient_view, scores_of, toy_bert


@pytest.mark.parametrize("embeddings", ["trained", "frozen"])
def test_the_tokens_of_a_batch_are_read_off(toy_folder: Path, embeddings: str) -> None:
    deployment = deploy(toy_folder, embeddings=embeddings)
    guess = GradientReadout().guess(gradient_view(deployment))
    secret = deployment.secrets["words"]
    assert isinstance(secret, BagSecret)
    assert {p: set(ids) for p, ids in guess.items()} == {p: set(ids) for p, ids in secret.tokens.items()}


def test_rows_that_stand_out_of_noise_are_present() -> None:
    rng = torch.Generator().manual_seed(0)
    rows = 0.01 * torch.randn(500, 32, generator=rng)
    rows[[3, 77]] += 1.0
    assert present_rows(rows) == [3, 77]
    assert present_rows(torch.randn(500, 32, generator=rng)) == []


def test_the_longest_text_is_read_off_position_rows(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)))
    attack = GradientReadout()
    attack.guess(gradient_view(deployment))
    secret = deployment.secrets["batch_texts"]
    assert isinstance(secret, BatchTextSecret)
    longest = {p: 2 + max(len(secret.texts.tokens[r]) for r in group) for p, group in secret.senders.items()}
    assert {k.split()[0]: v["longest"] for k, v in attack.facts(())["structure"].items()} == longest


def test_labels_are_counted(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)), batch_size=4)
    guess = GradientLabels().guess(gradient_view(deployment))
    errors = [
        float(s.value or 0) for s in deployment.secrets["count:batch"].score(guess) if s.metric == "absolute_error"
    ]
    assert sum(errors) <= 2


def test_whole_numbers_have_the_sum() -> None:
    assert whole_numbers(torch.tensor([1.4, 2.7, -0.2]), 4).tolist() == [1.0, 3.0, 0.0]


def test_blind_guesses_have_as_many_texts_as_count_and_see_no_message(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    view = gradient_view(deployment)
    view.transcript = ()
    guess = BlindBatch().guess(view)
    assert {party: len(texts) for party, texts in guess.items()} == {"client1": 8, "client2": 8}
    assert sum(scores_of(deployment, guess)) == 0.0
    assert set(BlindBag().guess(view)) == {"client1", "client2"}


def test_noise_of_unknown_size_does_not_hide_a_signal() -> None:
    rng = torch.Generator().manual_seed(0)
    signal = torch.randn(200, 5, generator=rng) @ torch.randn(5, 80, generator=rng)
    assert signal_space(signal + 0.1 * torch.randn(200, 80, generator=rng)).space.rank == 5


def test_noisy_gradients_give_texts_away_that_the_exact_attack_misses(toy_folder: Path) -> None:
    from attacks.gradient_leakage.gradient_span import GradientSpan

    deployment = deploy(toy_folder, embeddings="frozen")
    rng = torch.Generator().manual_seed(3)
    view = gradient_view(deployment, lambda x: x + 1e-3 * x.std() * torch.randn(x.shape, generator=rng))
    assert sum(scores_of(deployment, GradientSpan().guess(view))) == 0.0
    assert sum(scores_of(deployment, GradientSubspace().guess(view))) >= 3.0


def test_content_free_gradients_give_nothing(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, embeddings="frozen")
    view = gradient_view(deployment, content=False)
    assert sum(scores_of(deployment, GradientSubspace().guess(view))) == 0.0
