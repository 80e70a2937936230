"""How blocks are called: the names of their arguments belong to transformers, and have changed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.errors import ModelError
from harness.models import FAMILIES
from harness.models.families import Step


class NamedCache(nn.Module):
    def forward(self, hidden: Tensor, attention_mask: object, cache: object, **_: object) -> Tensor:
        return hidden + float(cache == "held")


class NamedPast(nn.Module):
    def forward(self, hidden: Tensor, attention_mask: object, past_key_values: object, **_: object) -> Tensor:
        return hidden + float(past_key_values == "held")


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("block", [NamedCache, NamedPast])
def test_the_cache_is_handed_over_by_the_name_that_a_block_gives_it(family: str, block: type[nn.Module]) -> None:
    assert FAMILIES[family].run(block(), torch.zeros(1, 1, 1), Step(cache="held")).item() == 1.0


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_block_without_a_known_cache_is_refused(family: str) -> None:
    with pytest.raises(ModelError, match=r"Identity.forward takes no key/value cache .* transformers release"):
        FAMILIES[family].run(nn.Identity(), torch.zeros(1, 1, 1), Step())
