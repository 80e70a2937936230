from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from attacks.embedding_inversion.nearest_rows import nearest
from attacks.embedding_inversion.nearest_token import NearestToken, contextless_table, embedding_table
from harness.attack import NoiseLaw
from tests.stand_ins.split_view import isotropic, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, random_texts, real_view, sms, tiny_view

FAMILIES = ("llama", "gpt2", "bert")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return {family: tiny_model(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


def rotation(rng: torch.Generator) -> Callable[..., Any]:
    turn = torch.linalg.qr(torch.randn(32, 32, generator=rng))[0]
    return lambda states, position, noise: states @ turn


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_undefended_embeddings_are_read_exactly(models: dict[str, str], family: str, adaptive: bool) -> None:
    view = tiny_view(models[family], 0, adaptive=adaptive, suffix=(2,) if family == "bert" else ())
    assert NearestToken().guess(view) == view.answers()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_table_is_what_the_model_feeds_its_first_block(models: dict[str, str], family: str) -> None:
    part = tiny_view(models[family], 0).part(0, 0)
    tokens = torch.tensor([7, 40, 99])
    for position in (0, 5):
        whole = torch.full((3, 6), 11)
        whole[:, position] = tokens
        torch.testing.assert_close(embedding_table(part, position)[tokens], part(whole)[:, position])


def test_contextless_table_rows_are_short_forwards(models: dict[str, str]) -> None:
    part = tiny_view(models["llama"], 2).part(0, 2)
    table = contextless_table(part, (1,), (), batch=50)
    torch.testing.assert_close(table[40], part(torch.tensor([[1, 40]]))[0, 1].detach())
    assert len(table) == part.vocab_size


def test_contextless_reads_the_first_token_after_the_prefix(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 3, adaptive=False)
    guess = NearestToken(contextless=True).guess(view)
    assert [ids[0] for ids in guess.values()] == [ids[0] for ids in view.answers().values()]


def test_nearest_is_the_least_distance_or_angle() -> None:
    rng = torch.Generator().manual_seed(0)
    states, table = torch.randn(20, 8, generator=rng), torch.randn(50, 8, generator=rng)
    assert torch.equal(nearest(states, table), torch.cdist(states, table).argmin(-1))
    cosines = torch.nn.functional.cosine_similarity(states[:, None], table[None], dim=-1)
    assert torch.equal(nearest(states, table, "cosine"), cosines.argmax(-1))


def test_adaptive_guess_is_the_maximum_of_the_declared_likelihood(models: dict[str, str]) -> None:
    law = NoiseLaw("laplace", 0.25, clip=5.0)

    def deploy(rng: np.random.Generator) -> Any:
        def defense(states: Tensor, position: int, noise: torch.Generator) -> Tensor:
            scale = (5.0 / states.abs().sum(-1, keepdim=True)).clamp_max(1.0)
            uniform = torch.rand(states.shape, generator=noise) - 0.5
            return states * scale - 0.25 * uniform.sign() * (1 - 2 * uniform.abs()).log()

        return defense

    view = tiny_view(models["llama"], 0, deploy=deploy, laws=(law,))
    table = view.part(0, 0).embed_table.detach()
    means = table * (5.0 / table.abs().sum(-1, keepdim=True)).clamp_max(1.0)
    means[:3] = torch.inf
    guess = NearestToken(shortlist=240).guess(view)
    for observation in view.observations():
        expected = [int((row - means).abs().sum(-1).argmin()) for row in observation.states[1:]]
        assert guess[observation.record] == expected


def test_a_secret_rotation_is_broken_by_known_pairs(models: dict[str, str]) -> None:
    options = {"deploy": rotation, "known": random_texts(150, 9)}
    adaptive, oblivious = (tiny_view(models["gpt2"], 0, adaptive=flag, **options) for flag in (True, False))
    assert token_accuracy(adaptive, NearestToken().guess(adaptive)) == 1.0
    assert token_accuracy(oblivious, NearestToken().guess(oblivious)) < 0.1


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(models: dict[str, str], adaptive: bool) -> None:
    view = tiny_view(models["llama"], 0, deploy=noise_instead, adaptive=adaptive)
    guess = NearestToken().guess(view)
    assert token_accuracy(view, guess) < 0.08
    assert all(token not in view.facts.special_ids for ids in guess.values() for token in ids)


def test_generated_tokens_and_suffix_are_not_guessed(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 0, suffix=(2, 2), adaptive=False)
    assert NearestToken().guess(view) == view.answers()


def test_refusals(models: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="metric"):
        NearestToken(metric="manhattan")
    assert "pooled" in (NearestToken().refuses(tiny_view(models["llama"], 4, pooled=True).public) or "")


@pytest.mark.slow
def test_real_embeddings_are_read_exactly_and_noise_of_their_own_norm_does_not_help() -> None:
    texts = sms()
    view = real_view("smollm2-135m-instruct", 0, texts, private=80, auxiliary=100)
    assert token_accuracy(view, NearestToken().guess(view)) == 1.0
    std = float(torch.cat([one.states[1:] for one in view.observations()]).norm(dim=-1).median()) / 576**0.5
    noisy = real_view("smollm2-135m-instruct", 0, texts, private=80, auxiliary=100, deploy=isotropic(std))
    assert token_accuracy(noisy, NearestToken().guess(noisy)) >= 0.99
