"""Adapters: shared frozen weights, own draws, private training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.dp.mechanisms import DPSGD
from harness.models import Part, load_part
from harness.models.meter import Meter
from harness.models.tokens import Tokens, load_tokens, tokenizer_folder
from harness.protocol import training
from harness.scenario.toy import toy_model
from scenarios.synthetic_fusion.adapters import IGNORED, adapted, next_token_loss, training_rows


@pytest.fixture(scope="module")
def part(toy_folder: Path) -> Part:
    return load_part(str(toy_model(toy_folder)), 0, None, head=True)


@pytest.fixture(scope="module")
def tokens(toy_folder: Path) -> Tokens:
    return load_tokens(tokenizer_folder(str(toy_model(toy_folder))))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_adapters_share_the_frozen_weights_and_start_without_effect(part: Part) -> None:
    before = {name: one.clone() for name, one in part.named_parameters()}
    tuned = adapted(part, 2, generator())
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(tuned(ids), part(ids))
    shared = {one.data_ptr() for one in part.parameters()}
    learned = [one for one in tuned.parameters() if one.requires_grad]
    assert learned
    assert all(one.data_ptr() in shared for one in tuned.parameters() if not one.requires_grad)
    assert not {one.data_ptr() for one in learned} & shared
    data = (torch.randint(1, 50, (8, 5)), torch.randint(1, 50, (8, 5)))
    training.train(tuned, next_token_loss, training.TrainingPlan(data, 3, 4, 0.05), generator(), Meter())
    assert not torch.equal(tuned(ids), part(ids))
    assert all(torch.equal(one, before[name]) for name, one in part.named_parameters())


def test_adapters_depend_on_their_generator_alone(part: Part) -> None:
    torch.manual_seed(1)
    one = [p.clone() for p in adapted(part, 2, generator(3)).parameters() if p.requires_grad]
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    other = [p for p in adapted(part, 2, generator(3)).parameters() if p.requires_grad]
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(state, torch.random.get_rng_state())


def test_only_the_text_is_learned(part: Part, tokens: Tokens) -> None:
    pairs = [("Bank:", "one two"), ("Friend: a much longer prompt", "three")]
    ids, targets = training_rows(tokens, pairs, 24)
    for row, (prompt, text) in enumerate(pairs):
        learned = targets[row] != IGNORED
        assert tokens.decode(targets[row][learned].tolist()).strip() == text
        assert tokens.decode(ids[row].tolist()).startswith(prompt)
        assert torch.equal(ids[row, 1:][learned[:-1]], targets[row][learned])
    slow = [
        torch.nn.functional.cross_entropy(part(ids[i : i + 1])[0], targets[i], ignore_index=IGNORED) for i in range(2)
    ]
    assert torch.allclose(next_token_loss(part, (ids, targets)), torch.stack(slow).mean(), atol=1e-5)


def test_adapters_can_be_tuned_with_differential_privacy(part: Part, tokens: Tokens) -> None:
    """Without noise and clipping a full-batch private step is the ordinary one."""
    data = training_rows(tokens, [("Bank:", f"text {i}") for i in range(6)], 12)
    tuned = [adapted(part, 2, generator()) for _ in range(2)]
    training.train(tuned[0], next_token_loss, training.TrainingPlan(data, 1, 6, 0.1, "sgd"), generator(), Meter())
    plan = training.TrainingPlan(data, 1, 6, 0.1, "sgd")
    dp = DPSGD(clip=1e6, noise_multiplier=0.0, sample_rate=1.0)
    training.train_private(tuned[1], next_token_loss, plan, dp, generator(), generator(), Meter())
    plain, private = ([p for p in one.parameters() if p.requires_grad] for one in tuned)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(plain, private, strict=True))
    assert any(bool(p.abs().max() > 0) for p in plain)
