from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attacks.property_inference.attribute_probe import AttributeProbe, pooled_state
from harness.attack import Observation
from harness.errors import SuiteError
from tests.stand_ins.split_view import SplitView, isotropic, plain_deployment, tiny_model
from tests.stand_ins.split_worlds import noise_instead, random_texts, real_view, sms


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_model(tmp_path_factory.mktemp("bert"), "bert")


def rotation(rng: torch.Generator) -> Callable[..., Any]:
    turn = torch.linalg.qr(torch.randn(32, 32, generator=rng))[0]
    return lambda states, position, noise: states @ turn


def world(model: str, cut: int = 2, times: int = 1, **changes: Any) -> SplitView:
    """Random texts that end in token 50 (``times``) where the attribute is 0, in token 60 where it is 1."""
    texts = [text + f" {50 + 10 * (number % 2)}" * times for number, text in enumerate(random_texts(400, 3))]
    attributes = {text: {"ending": number % 2} for number, text in enumerate(texts)}
    secrets = {f"s{number}": text for number, text in enumerate(texts[:100])}
    options: dict[str, Any] = {"max_tokens": 12, "attributes": attributes, **changes}
    return SplitView(model, cut, secrets, texts[100:], **options)


def balanced(view: SplitView, attack: Any) -> Any:
    scores = attack.guess(view)
    right = [(scores[f"s{number}"] > 0.5) == bool(number % 2) for number in range(100)]
    return (np.mean(right[::2]) + np.mean(right[1::2])) / 2


def probe(**options: Any) -> AttributeProbe:
    return AttributeProbe(attribute="ending", inverse_penalty=0.1, **options)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("cut", [0, 2])
def test_a_planted_attribute_is_found(gpt2: str, cut: int, adaptive: bool) -> None:
    assert balanced(world(gpt2, cut, adaptive=adaptive), probe()) >= 0.9


def test_a_planted_attribute_is_found_in_pooled_vectors(bert: str) -> None:
    assert balanced(world(bert, 4, times=4, pooled=True, suffix=(2,)), probe()) >= 0.8


@pytest.mark.parametrize("options", [{}, {"direct": 150}])
@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(gpt2: str, adaptive: bool, options: Any) -> None:
    assert 0.3 < balanced(world(gpt2, deploy=noise_instead, adaptive=adaptive), probe(**options)) < 0.7


def test_a_secret_rotation_is_broken_by_known_pairs(gpt2: str) -> None:
    options: dict[str, Any] = {"deploy": rotation, "known": random_texts(150, 9)}
    assert balanced(world(gpt2, **options), probe()) >= 0.85
    assert balanced(world(gpt2, adaptive=False, **options), probe()) < 0.75


def test_simulated_messages_can_be_learned_from_directly(gpt2: str) -> None:
    view = world(gpt2, deploy=isotropic(0.1))
    assert balanced(view, probe(direct=250)) >= 0.75
    assert view.simulations == 250


def test_features_are_the_mean_of_the_private_positions(gpt2: str) -> None:
    view = world(gpt2, prefix=(1, 1), suffix=(2,))
    states = torch.arange(12.0).reshape(6, 2)
    observation = Observation("r", states, prompt_length=5)
    torch.testing.assert_close(pooled_state(view.facts, observation), states[2:4].mean(0))


def test_one_class_is_a_clear_error(gpt2: str) -> None:
    with pytest.raises(SuiteError, match="not both values"):
        AttributeProbe(attribute="unknown").guess(world(gpt2))


@pytest.mark.slow
@pytest.mark.parametrize("deploy", [plain_deployment, noise_instead])
def test_a_planted_attribute_of_real_states(deploy: Any) -> None:
    from harness.data import plant_attribute

    short = [record for record in sms() if len(record.text) < 50]
    planted = list(plant_attribute(short[:900], np.random.default_rng(0)))
    view = real_view("smollm2-135m-instruct", 8, planted, private=300, auxiliary=600, max_tokens=24, deploy=deploy)
    scores = AttributeProbe(attribute="planted").guess(view)
    right = [((scores[one.id] > 0.5) == bool(one.attributes["planted"]), one) for one in planted[:300]]
    sides = [np.mean([hit for hit, one in right if one.attributes["planted"] == value]) for value in (0, 1)]
    assert np.mean(sides) >= 0.9 if deploy is plain_deployment else 0.4 < np.mean(sides) < 0.6
