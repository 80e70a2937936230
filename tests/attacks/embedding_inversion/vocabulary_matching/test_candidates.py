from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributions import MultivariateNormal

from attacks.embedding_inversion.vocabulary_matching.candidates import (
    ExactDecoder,
    StateLaw,
    fit_discriminant,
    fit_state_law,
)
from attacks.toolkit.defense_channel.channel import Channel, open_channel
from attacks.toolkit.defense_channel.maps import Identity
from attacks.toolkit.defense_channel.noise import Noise
from attacks.toolkit.ridge import Linear
from harness.models import load_part
from tests.stand_ins.split_view import tiny_model


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def world(rows: Any, width: int = 6, tokens: int = 30, seed: int = 0) -> Any:
    """States that obey the model exactly: linear mean, one covariance."""
    rng = torch.Generator().manual_seed(seed)
    table = torch.randn(tokens, width, generator=rng)
    mean = Linear(torch.randn(width, width, generator=rng), torch.randn(width, generator=rng))
    root = torch.randn(width, width, generator=rng)
    ids = torch.randint(tokens, (rows,), generator=rng)
    states = mean(table[ids]) + torch.randn(rows, width, generator=rng) @ root.T
    return table, mean, root @ root.T, ids, states


def with_noise(width: int, scale: Any, withheld: float = 0.0) -> Channel:
    noise = Noise("gaussian", torch.as_tensor(scale).expand(width))
    return Channel(Identity(), noise, torch.ones(width), 1.0, withheld=withheld)


def test_the_state_law_is_found_from_samples() -> None:
    table, mean, covariance, ids, states = world(40000)
    law = fit_state_law(states, ids, table, penalty=0.0)
    torch.testing.assert_close(law.mean.weight, mean.weight, atol=0.1, rtol=0.1)
    torch.testing.assert_close(law.covariance.float(), covariance, atol=0.2, rtol=0.1)


@pytest.mark.parametrize("noise", [0.01, 2.0, torch.linspace(0.1, 2.0, 6)])
def test_scores_are_log_densities_with_the_noise_in_the_covariance(noise: float) -> None:
    table, mean, covariance, _ids, states = world(500)
    channel = with_noise(6, noise)
    decoder = fit_discriminant(channel, StateLaw(mean, covariance.double(), mean(table)), table)
    scores = decoder.scores(states[:20], 3)
    total = covariance + torch.as_tensor(noise) ** 2 * torch.eye(6)
    total = total + 1e-4 * torch.diag(total.diagonal())
    exact = torch.stack([MultivariateNormal(mean(row), total).log_prob(states[:20]) for row in table], 1)
    torch.testing.assert_close(scores - scores[:, :1], exact - exact[:, :1], atol=1e-2, rtol=1e-3)
    best = table[scores.argmax(1)]
    torch.testing.assert_close(decoder.estimate(states[:20], 3), best)


def test_withheld_coordinates_are_integrated_out() -> None:
    table, mean, covariance, _ids, states = world(500)
    channel = with_noise(6, 0.1, withheld=0.5)
    decoder = fit_discriminant(channel, StateLaw(mean, covariance.double(), mean(table)), table)
    message = states[:1].clone()
    message[:, [1, 3, 4]] = 0
    scores = decoder.scores(message, 0)[0]
    sent = torch.tensor([0, 2, 5])
    total = covariance + 0.01 * torch.eye(6)
    total = (total + 1e-4 * torch.diag(total.diagonal()))[sent][:, sent]
    exact = torch.stack([MultivariateNormal(mean(row)[sent], total).log_prob(message[0, sent]) for row in table])
    torch.testing.assert_close(scores - scores[0], exact - exact[0], atol=1e-2, rtol=1e-3)


def test_at_cut_0_the_decoder_knows_positions(gpt2: str) -> None:
    part = load_part(gpt2, 0, 0)
    with torch.no_grad():
        sent = part(torch.tensor([[7, 8, 9, 10]]))[0]
    decoder = ExactDecoder(part, open_channel(sent.std(0)))
    assert [int(decoder.scores(sent[t][None], t).argmax()) for t in range(4)] == [7, 8, 9, 10]
    torch.testing.assert_close(decoder.estimate(sent[1][None], 1), part.embed_table[8][None])
