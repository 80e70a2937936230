"""Every injective obfuscation of hidden states is read: it hides nothing from who may run the defense himself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching
from tests.stand_ins.split_view import tiny_model, token_accuracy
from tests.stand_ins.split_worlds import random_texts, tiny_view

WIDTH = 32


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("llama"), "llama")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def top(share: float) -> Callable[[Tensor], Tensor]:
    def send(x: Tensor) -> Tensor:
        size = x.abs()
        return x * (size >= size.topk(max(1, int(share * WIDTH)), dim=1).values[:, -1:])

    return send


def four_bits(x: Tensor) -> Tensor:
    step = x.abs().amax(1, keepdim=True) / 7
    return (x / step).round() * step


PROJECTION = torch.randn(WIDTH, 8, generator=seeded(1))

OBFUSCATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "half of the coordinates": top(0.5),
    "a tenth of the coordinates": top(0.1),
    "the two largest coordinates": top(0.07),
    "magnitudes": torch.abs,
    "four bits": four_bits,
    "tanh": torch.tanh,
    "cube roots": lambda x: x.sign() * x.abs() ** (1 / 3),
    "sorted": lambda x: x.sort(dim=1).values,
    "projected": lambda x: x @ PROJECTION @ PROJECTION.T,
    "every other coordinate": lambda x: x * (torch.arange(WIDTH) % 2),
    "running sums of coordinates": lambda x: x.cumsum(1),
    "running sums of positions": lambda x: x.cumsum(0),
    "rows backwards": lambda x: x.flip(0),
    "eight bits": lambda x: (x / x.abs().amax(1, keepdim=True) * 127).round(),
    "permuted": lambda x: x[:, torch.randperm(WIDTH, generator=seeded(2))],
    "scaled": lambda x: 0.3 * x,
    "noise from a seed": lambda x: x + 3 * torch.randn(x.shape, generator=seeded(3)),
}


@pytest.mark.parametrize("name", OBFUSCATIONS)
def test_deterministic_obfuscations_are_read(llama: str, name: str) -> None:
    send = OBFUSCATIONS[name]
    view = tiny_view(llama, 2, deploy=lambda rng: lambda states, position, noise: send(states))
    assert token_accuracy(view, attack().guess(view)) >= 0.9


def test_a_random_factor_of_each_row_is_read(llama: str) -> None:
    def deploy(rng: torch.Generator) -> Any:
        return lambda states, position, noise: states * (0.2 + 4.3 * torch.rand(len(states), 1, generator=noise))

    view = tiny_view(llama, 2, deploy=deploy)
    assert token_accuracy(view, attack().guess(view)) >= 0.9


def test_a_rotation_of_the_deployment_is_read_from_known_pairs(llama: str) -> None:
    def deploy(rng: torch.Generator) -> Any:
        turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=rng)).Q
        return lambda states, position, noise: states @ turn

    view = tiny_view(llama, 2, deploy=deploy, known=random_texts(20, 3))
    assert token_accuracy(view, attack().guess(view)) >= 0.9


def test_full_noise_is_not_followed(llama: str) -> None:
    def deploy(rng: torch.Generator) -> Any:
        return lambda states, position, noise: states.std() * torch.randn(states.shape, generator=noise)

    view = tiny_view(llama, 2, deploy=deploy)
    assert token_accuracy(view, attack().guess(view)) < 0.1


def attack() -> VocabularyMatching:
    return VocabularyMatching(texts=150, probes=60, simulated=24, scan=0, steps=0)
