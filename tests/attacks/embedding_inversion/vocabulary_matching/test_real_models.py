"""Vocabulary matching on the embedded model and real texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching
from attacks.toolkit.defense_channel.maps import Rounding
from tests.stand_ins.split_view import SplitView, isotropic, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, real_view, sms

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MODEL, WIDTH = "smollm2-135m-instruct", 576


@pytest.fixture(scope="module")
def texts() -> Any:
    torch.set_num_threads(2)
    return sms()


def accuracy(view: SplitView, **changes: Any) -> float:
    return token_accuracy(view, VocabularyMatching(**changes).guess(view))


def median_norm(texts: list[Any], cut: int) -> float:
    view = real_view(MODEL, cut, texts, private=30, auxiliary=1)
    return float(torch.cat([one.states[1:] for one in view.observations()]).norm(dim=1).median())


@pytest.mark.parametrize(("cut", "least"), [(0, 1.0), (1, 1.0), (8, 0.99), (15, 0.99), (29, 0.95)])
def test_undefended_tokens_are_recovered_at_every_depth(texts: list[Any], cut: int, least: float) -> None:
    view = real_view(MODEL, cut, texts, private=70, auxiliary=600, max_tokens=24)
    assert sum(map(len, view.answers().values())) >= 1000
    # At the last block both expensive stages, the soft search and the scan, are left out: minutes a token.
    effort = {"scan": 0, "steps": 0} if cut == 29 else {}
    assert accuracy(view, **effort) >= least


def test_noise_of_twice_the_embeddings_norm_protects_nothing_at_cut_0(texts: list[Any]) -> None:
    view = real_view(MODEL, 0, texts, private=1, auxiliary=1)
    scale = 2 * float(view.part(0, 0).embed_table.norm(dim=1).median()) / WIDTH**0.5
    view = real_view(MODEL, 0, texts, private=70, auxiliary=600, max_tokens=24, deploy=isotropic(scale))
    assert accuracy(view) >= 0.99


def test_noise_of_the_states_norm_protects_little_at_block_8(texts: list[Any]) -> None:
    scale = median_norm(texts, 8) / WIDTH**0.5
    view = real_view(MODEL, 8, texts, private=30, auxiliary=600, deploy=isotropic(scale))
    assert accuracy(view) >= 0.95


def rotation(rng: torch.Generator) -> Callable[..., Any]:
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=rng)).Q
    return lambda states, position, noise: states @ turn


def permutation(rng: torch.Generator) -> Callable[..., Any]:
    order = torch.randperm(WIDTH, generator=rng)
    return lambda states, position, noise: states[:, order]


def scaling(rng: torch.Generator) -> Callable[..., Any]:
    factor = 0.2 + float(torch.rand(1, generator=rng))
    return lambda states, position, noise: factor * states


def repeated_noise(rng: torch.Generator) -> Callable[..., Any]:
    seed = int(torch.randint(2**31, (1,), generator=rng))
    return lambda states, position, noise: (
        states + 4 * torch.randn(states.shape, generator=torch.Generator().manual_seed(seed))
    )


def rounding(rng: np.random.Generator) -> Callable[..., Any]:
    return lambda states, position, noise: Rounding(127).expect(states)


@pytest.mark.parametrize("deploy", [rotation, permutation, scaling, repeated_noise, rounding])
def test_obfuscations_are_broken_at_block_8(texts: list[Any], deploy: Any) -> None:
    known = [record.text for record in texts[2000:2100]]
    view = real_view(MODEL, 8, texts, private=30, auxiliary=600, max_tokens=24, deploy=deploy, known=known)
    assert sum(len(pair.states) - 1 for pair in view.known_pairs()) >= 1024
    assert accuracy(view, scan=4096) > 0.9


def test_pure_noise_gives_nothing_away(texts: list[Any]) -> None:
    view = real_view(MODEL, 8, texts, private=12, auxiliary=200, deploy=noise_instead)
    for adaptive in (True, False):
        view.adaptive = adaptive
        assert accuracy(view, texts=200, probes=100, scan=0, width=2, fan=8) < 0.1
