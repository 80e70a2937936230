from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.linear_inverters import channel_inverter, clean_inverter, sent_moments
from attacks.embedding_inversion.ridge_inverter import RidgeInverter
from attacks.toolkit.defense_channel.channel import open_channel
from attacks.toolkit.defense_channel.noise import Noise
from attacks.toolkit.readers.hidden_states import TokenStates
from tests.stand_ins.split_view import SplitView, isotropic, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, random_texts, real_view, sms, tiny_view


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def frugal() -> RidgeInverter:
    return RidgeInverter(texts=150, probes=50)


def score(view: SplitView) -> float:
    return token_accuracy(view, frugal().guess(view))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_undefended_states_are_inverted(gpt2: str, cut: int, adaptive: bool) -> None:
    assert score(tiny_view(gpt2, cut, adaptive=adaptive)) >= 0.98


def test_noise_in_expectation_is_the_limit_of_many_noisy_copies() -> None:
    rng = torch.Generator().manual_seed(0)
    table, ids = torch.randn(30, 6, generator=rng), torch.randint(30, (200,), generator=rng)
    states = torch.randn(200, 5, generator=rng) + table[ids][:, :5]
    clean = TokenStates(states, ids, torch.zeros(200))
    channel = open_channel(states.std(0))
    noisy = type(channel)(channel.map, Noise("gaussian", torch.full((5,), 0.7)), channel.spread, 1.0)
    exact = channel_inverter(noisy, sent_moments(noisy, clean, table), 0.0)(states, 0)
    copies = TokenStates(noisy.imitate(states.repeat(500, 1), rng), ids.repeat(500), torch.zeros(1))
    torch.testing.assert_close(exact, clean_inverter(copies, table, 0.0)(states, 0), atol=0.02, rtol=0.02)


def test_knowing_the_noise_helps(gpt2: str) -> None:
    oblivious, adaptive = (score(tiny_view(gpt2, 1, deploy=isotropic(0.3), adaptive=flag)) for flag in (False, True))
    assert adaptive > oblivious + 0.05


def test_a_secret_rotation_is_broken_by_known_pairs_alone(gpt2: str) -> None:
    def rotation(rng: torch.Generator) -> Callable[..., Any]:
        turn = torch.linalg.qr(torch.randn(32, 32, generator=rng))[0]
        return lambda states, position, noise: states @ turn

    options = {"deploy": rotation, "known": random_texts(150, 9)}
    assert score(tiny_view(gpt2, 1, **options)) >= 0.98
    assert score(tiny_view(gpt2, 1, adaptive=False, **options)) < 0.1


def test_messages_of_another_width_are_read(gpt2: str) -> None:
    def projection(rng: np.random.Generator) -> Callable[..., Any]:
        onto = torch.randn(32, 40, generator=torch.Generator().manual_seed(5))
        return lambda states, position, noise: states @ onto

    assert score(tiny_view(gpt2, 1, deploy=projection)) >= 0.98
    assert score(tiny_view(gpt2, 1, deploy=projection, adaptive=False)) < 0.1


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(gpt2: str, adaptive: bool) -> None:
    assert score(tiny_view(gpt2, 1, deploy=noise_instead, adaptive=adaptive)) < 0.08


def test_it_refuses_pooled_messages(gpt2: str) -> None:
    assert "pooled" in (frugal().refuses(tiny_view(gpt2, 4, pooled=True).public) or "")


@pytest.mark.slow
def test_real_states_after_eight_blocks() -> None:
    view = real_view("smollm2-135m-instruct", 8, sms(), private=80, auxiliary=1000, adaptive=False)
    assert token_accuracy(view, RidgeInverter().guess(view)) >= 0.6
