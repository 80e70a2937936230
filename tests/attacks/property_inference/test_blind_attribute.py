from __future__ import annotations

from typing import Any

import pytest
import torch

from attacks.property_inference.blind_attribute import BlindAttribute
from harness.attack import Observation
from tests.stand_ins.split_view import SplitView, tiny_model
from tests.stand_ins.split_worlds import random_texts, tiny_view


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("llama"), "llama")


def hidden(view: SplitView) -> Any:
    """The view with every message removed: a blind attack must not notice."""
    view.observed = [Observation(one.record, torch.empty(0)) for one in view.observed]
    return view


def test_attribute_prior(llama: str) -> None:
    texts = random_texts(10, 5)
    attributes = {text: {"secret": int(number < 3)} for number, text in enumerate(texts[:9])}
    view = hidden(tiny_view(llama, 2, auxiliary=texts, attributes=attributes))
    assert BlindAttribute(attribute="secret").guess(view) == dict.fromkeys(view.secrets, 3 / 9)
    assert set(BlindAttribute(attribute="other").guess(view).values()) == {0.5}
