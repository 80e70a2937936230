from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal

from attacks.embedding_inversion.candidates import ExactDecoder, StateLaw, fit_discriminant, fit_state_law
from attacks.embedding_inversion.channel import Channel, open_channel
from attacks.embedding_inversion.channel_maps import Identity
from attacks.embedding_inversion.channel_noise import Noise
from attacks.embedding_inversion.linear import Linear
from attacks.embedding_inversion.prior import LanguagePrior, UnigramPrior, unigram
from harness.models import load_part
from tests.attacks.lab import tiny_model


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def world(rows, width=6, tokens=30, seed=0):
    """States that obey the model exactly: linear mean, one covariance."""
    rng = torch.Generator().manual_seed(seed)
    table = torch.randn(tokens, width, generator=rng)
    mean = Linear(torch.randn(width, width, generator=rng), torch.randn(width, generator=rng))
    root = torch.randn(width, width, generator=rng)
    ids = torch.randint(tokens, (rows,), generator=rng)
    states = mean(table[ids]) + torch.randn(rows, width, generator=rng) @ root.T
    return table, mean, root @ root.T, ids, states


def with_noise(width, scale, withheld=0.0):
    noise = Noise("gaussian", torch.as_tensor(scale).expand(width))
    return Channel(Identity(), noise, torch.ones(width), 1.0, withheld=withheld)


def test_the_state_law_is_found_from_samples():
    table, mean, covariance, ids, states = world(40000)
    law = fit_state_law(states, ids, table, penalty=0.0)
    torch.testing.assert_close(law.mean.weight, mean.weight, atol=0.1, rtol=0.1)
    torch.testing.assert_close(law.covariance.float(), covariance, atol=0.2, rtol=0.1)


@pytest.mark.parametrize("noise", [0.01, 2.0, torch.linspace(0.1, 2.0, 6)])
def test_scores_are_log_densities_with_the_noise_in_the_covariance(noise):
    table, mean, covariance, _ids, states = world(500)
    channel = with_noise(6, noise)
    decoder = fit_discriminant(channel, StateLaw(mean, covariance.double(), mean(table)), table)
    found = decoder.scores(states[:20], 3)
    total = covariance + torch.as_tensor(noise) ** 2 * torch.eye(6)
    total = total + 1e-4 * torch.diag(total.diagonal())
    exact = torch.stack([MultivariateNormal(mean(row), total).log_prob(states[:20]) for row in table], 1)
    torch.testing.assert_close(found - found[:, :1], exact - exact[:, :1], atol=1e-2, rtol=1e-3)
    best = table[found.argmax(1)]
    torch.testing.assert_close(decoder.estimate(states[:20], 3), best)


def test_withheld_coordinates_are_integrated_out():
    table, mean, covariance, _ids, states = world(500)
    channel = with_noise(6, 0.1, withheld=0.5)
    decoder = fit_discriminant(channel, StateLaw(mean, covariance.double(), mean(table)), table)
    message = states[:1].clone()
    message[:, [1, 3, 4]] = 0
    found = decoder.scores(message, 0)[0]
    kept = torch.tensor([0, 2, 5])
    total = covariance + 0.01 * torch.eye(6)
    total = (total + 1e-4 * torch.diag(total.diagonal()))[kept][:, kept]
    exact = torch.stack([MultivariateNormal(mean(row)[kept], total).log_prob(message[0, kept]) for row in table])
    torch.testing.assert_close(found - found[0], exact - exact[0], atol=1e-2, rtol=1e-3)


def test_at_cut_0_the_decoder_knows_positions(gpt2):
    part = load_part(gpt2, 0, 0)
    with torch.no_grad():
        sent = part(torch.tensor([[7, 8, 9, 10]]))[0]
    decoder = ExactDecoder(part, open_channel(sent.std(0)))
    assert [int(decoder.scores(sent[t][None], t).argmax()) for t in range(4)] == [7, 8, 9, 10]
    torch.testing.assert_close(decoder.estimate(sent[1][None], 1), part.embed_table[8][None])


def test_frequencies_sum_to_one_over_the_allowed_tokens():
    allowed = torch.tensor([False, True, True, True])
    log = unigram([[1, 1, 2], [1]], allowed, pseudo=0.5)
    torch.testing.assert_close(log.exp(), torch.tensor([0.0, 3.5, 1.5, 0.5]) / 5.5)
    prior = UnigramPrior(log, 2)
    prior.commit(torch.tensor([1, 2]))
    prior.select(torch.tensor([0, 0, 1]))
    assert prior.log_probs().shape == (3, 4)


def test_the_language_prior_is_the_mixture_after_every_commit_and_selection(gpt2):
    whole = load_part(gpt2, 0, None, head=True)
    allowed = torch.ones(120, dtype=torch.bool)
    allowed[:3] = False
    frequency = unigram([[5, 6, 7, 7]], allowed)
    prior = LanguagePrior(whole, torch.tensor([[1], [1]]), frequency, share=0.2)
    prior.commit(torch.tensor([5, 9]))
    prior.select(torch.tensor([1, 0, 1]))
    prior.commit(torch.tensor([20, 21, 22]))
    with torch.no_grad():
        plain = whole(torch.tensor([[1, 9, 20], [1, 5, 21], [1, 9, 22]]))[:, -1].softmax(-1)
    expected = (0.8 * plain + 0.2 * frequency.exp()).masked_fill(~allowed, 0.0).log()
    torch.testing.assert_close(prior.log_probs(), expected, atol=1e-4, rtol=1e-4)


def test_the_language_prior_needs_a_public_token():
    with pytest.raises(ValueError, match="at least one public token"):
        LanguagePrior(NoPart(), torch.zeros(1, 0, dtype=torch.long), torch.zeros(5))  # type: ignore[arg-type]


class NoPart:
    """Enough of a part to be asked for a cache."""

    causal, hidden_size, family = True, 4, "none"

    def new_cache(self):
        from harness.models import KVCache

        return KVCache(0, 0)
