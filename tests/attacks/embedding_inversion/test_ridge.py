from __future__ import annotations

import pytest
import torch

from attacks.embedding_inversion.channel import open_channel
from attacks.embedding_inversion.channel_noise import Noise
from attacks.embedding_inversion.ridge import RidgeInverter, channel_inverter, clean_inverter, sent_moments
from attacks.embedding_inversion.states import (
    TokenStates,
    auxiliary_sequences,
    clean_states,
    forward_part,
    private_slice,
    probe_sequences,
    token_states,
)
from tests.attacks.embedding_inversion.worlds import noise_instead, random_texts, real_view, sms, tiny_view
from tests.attacks.lab import isotropic, tiny_model, token_accuracy


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def frugal():
    return RidgeInverter(texts=150, probes=50)


def score(view):
    return token_accuracy(view, frugal().guess(view))


def test_states_are_those_of_plain_forwards_with_the_template_around(gpt2):
    view = tiny_view(gpt2, 2, suffix=(2,))
    sequences = auxiliary_sequences(view, 9)
    states = clean_states(forward_part(view), sequences, (1,), (2,))
    for sequence, found in zip(sequences, states, strict=True):
        whole = forward_part(view)(torch.tensor([[1, *sequence, 2]]))[0]
        torch.testing.assert_close(found, whole[1:-1].detach(), atol=1e-5, rtol=1e-5)
    assert clean_states(forward_part(view), sequences, (1,), (2,)) is states


def test_positions_count_the_prefix_and_private_slices_leave_the_template_out(gpt2):
    view = tiny_view(gpt2, 1, prefix=(1, 1), suffix=(2,))
    flat = token_states(view, ((5, 6, 7), (8, 9)))
    assert flat.positions.tolist() == [2, 3, 4, 2, 3]
    assert flat.ids.tolist() == [5, 6, 7, 8, 9]
    for one, truth in zip(view.simulate(view.auxiliary[:5]), auxiliary_sequences(view, 5), strict=True):
        assert one.ids is not None
        assert tuple(one.ids[private_slice(view.public, one)].tolist()) == truth


def test_probe_sequences_are_ordinary_tokens_and_the_same_for_every_defense(gpt2):
    view = tiny_view(gpt2, 1)
    probes = probe_sequences(view.public, 120, 400)
    assert probes == probe_sequences(tiny_view(gpt2, 1, deploy=noise_instead).public, 120, 400)
    assert {token for one in probes for token in one} == set(range(3, 120))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_undefended_states_are_inverted(gpt2, cut, adaptive):
    assert score(tiny_view(gpt2, cut, adaptive=adaptive)) >= 0.98


def test_noise_in_expectation_is_the_limit_of_many_noisy_copies():
    rng = torch.Generator().manual_seed(0)
    table, ids = torch.randn(30, 6, generator=rng), torch.randint(30, (200,), generator=rng)
    states = torch.randn(200, 5, generator=rng) + table[ids][:, :5]
    clean = TokenStates(states, ids, torch.zeros(200))
    channel = open_channel(states.std(0))
    noisy = type(channel)(channel.map, Noise("gaussian", torch.full((5,), 0.7)), channel.spread, 1.0)
    exact = channel_inverter(noisy, sent_moments(noisy, clean, table), 0.0)(states, 0)
    copies = TokenStates(noisy.imitate(states.repeat(500, 1), rng), ids.repeat(500), torch.zeros(1))
    torch.testing.assert_close(exact, clean_inverter(copies, table, 0.0)(states, 0), atol=0.02, rtol=0.02)


def test_knowing_the_noise_helps(gpt2):
    oblivious, adaptive = (score(tiny_view(gpt2, 1, deploy=isotropic(0.3), adaptive=flag)) for flag in (False, True))
    assert adaptive > oblivious + 0.05


def test_a_secret_rotation_is_broken_by_known_pairs_alone(gpt2):
    def rotation(rng):
        turn = torch.linalg.qr(torch.randn(32, 32, generator=rng))[0]
        return lambda states, position, noise: states @ turn

    options = {"deploy": rotation, "known": random_texts(150, 9)}
    assert score(tiny_view(gpt2, 1, **options)) >= 0.98
    assert score(tiny_view(gpt2, 1, adaptive=False, **options)) < 0.1


def test_messages_of_another_width_are_read(gpt2):
    def projection(rng):
        onto = torch.randn(32, 40, generator=torch.Generator().manual_seed(5))
        return lambda states, position, noise: states @ onto

    assert score(tiny_view(gpt2, 1, deploy=projection)) >= 0.98
    assert score(tiny_view(gpt2, 1, deploy=projection, adaptive=False)) < 0.1


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(gpt2, adaptive):
    assert score(tiny_view(gpt2, 1, deploy=noise_instead, adaptive=adaptive)) < 0.08


def test_it_refuses_pooled_messages(gpt2):
    assert "pooled" in (frugal().refuses(tiny_view(gpt2, 4, pooled=True).public) or "")


@pytest.mark.slow
def test_real_states_after_eight_blocks():
    view = real_view("smollm2-135m-instruct", 8, sms(), private=80, auxiliary=1000, adaptive=False)
    assert token_accuracy(view, RidgeInverter().guess(view)) >= 0.6
