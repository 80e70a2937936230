"""A few garbage rows must not change what is fitted to all others, nor decide about a text."""

from __future__ import annotations

import pytest
import torch

from attacks.toolkit.defense_channel.channel import fit_channel
from attacks.toolkit.defense_channel.selection import Rows
from harness.attack import Observation


def pairs(garbage: float, noise: float, *, texts: int = 24, length: int = 15, width: int = 64) -> list[Observation]:
    """Texts of random states; one row of the first and one of the last are garbage of that size."""
    rng = torch.Generator().manual_seed(0)
    made = []
    for number in range(texts):
        plain = torch.randn(length, width, generator=rng)
        sent = plain + noise * torch.randn(plain.shape, generator=rng)
        if garbage and number in (0, texts - 1):
            sent[4] = garbage * torch.randn(width, generator=rng)
        made.append(Observation(f"r{number}", sent, plain, torch.arange(length), length))
    return made


@pytest.mark.parametrize("garbage", [3.0, 1e4])
def test_two_garbage_rows_leave_a_clear_channel_clear(garbage: float) -> None:
    channel = fit_channel(pairs(garbage, 0.0))
    assert not channel.noisy
    assert channel.tolerance < 1e-2
    assert 0 < channel.outliers < 0.02


@pytest.mark.parametrize("garbage", [10.0, 1e4])
def test_two_garbage_rows_leave_the_noise_law_as_it_was(garbage: float) -> None:
    clean, spoilt = fit_channel(pairs(0.0, 0.5)), fit_channel(pairs(garbage, 0.5))
    assert float((spoilt.noise.variance / clean.noise.variance - 1).abs().max()) < 0.1
    assert spoilt.map.name == clean.map.name
    assert clean.outliers == 0


def test_a_garbage_message_is_indifferent_between_states() -> None:
    channel = fit_channel(pairs(1e4, 0.5))
    rng = torch.Generator().manual_seed(1)
    states = torch.randn(1, 5, 64, generator=rng)
    garbage = channel.log_density(1e4 * torch.randn(1, 64, generator=rng), states)
    assert float(garbage.max() - garbage.min()) < 1e-2
    true = channel.log_density(states[:, 2] + 0.5 * torch.randn(1, 64, generator=rng), states)
    assert int(true.argmax()) == 2
    assert float(true[0, 2] - true[0, 1]) > 5


@pytest.mark.parametrize("kept", [28, 12, 40])
def test_sparse_messages_do_not_pass_for_rounded_ones(kept: int) -> None:
    """Top-k at 5 % of 576 coordinates: zeros that were put in are on every lattice."""
    rng = torch.Generator().manual_seed(0)
    plain = torch.randn(200, 576, generator=rng)
    sent = plain * (plain.abs() >= plain.abs().topk(kept, dim=1).values[:, -1:])
    rows = Rows.of([Observation("r", sent, plain)], 0)
    assert float(rows.kept.sum(1).mean()) == kept
    step = plain.abs().amax(1, keepdim=True) / 7
    rounded = Rows.of([Observation("r", (plain / step).round() * step, plain)], 0)
    assert bool((rounded.kept == 1).all())
