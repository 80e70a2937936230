"""Deployments for tests of the inversion attacks: tiny random models, and the embedded real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.stand_ins.split_view import SplitView

__all__ = ["noise_instead", "random_texts", "real_view", "sms", "tiny_view"]

VOCABULARY = 120


def random_texts(count: int, seed: int, *, length: int = 8, first: int = 3, last: int = VOCABULARY) -> list[str]:
    """Texts of a tiny model: uniformly random ordinary tokens, of ``length - 2`` to ``length`` tokens."""
    rng = torch.Generator().manual_seed(seed)
    lengths = torch.randint(length - 2, length + 1, (count,), generator=rng).tolist()
    return [" ".join(map(str, torch.randint(first, last, (size,), generator=rng).tolist())) for size in lengths]


def tiny_view(model: str, cut: int, **changes: Any) -> SplitView:
    """12 private and 150 auxiliary random texts of a tiny model."""
    secrets = {f"s{number}": text for number, text in enumerate(random_texts(12, 1))}
    options: dict[str, Any] = {"auxiliary": random_texts(150, 2), "max_tokens": 8, **changes}
    return SplitView(model, cut, secrets, **options)


def noise_instead(rng: torch.Generator) -> Callable[[Tensor, int, torch.Generator], Tensor]:
    """A deployment that sends pure noise of the right shape and size: nothing can be learned."""
    return lambda states, position, noise: states.std() * torch.randn(states.shape, generator=noise)


def sms() -> list[Any]:
    """Records of the SMS collection, in source order."""
    from harness.data import load
    from harness.data.record import records

    return records(load("sms_spam"))


def real_view(
    model: str,
    cut: int,
    texts_in_order: list[Any],
    *,
    private: int,
    auxiliary: int,
    max_tokens: int = 16,
    **changes: Any,
) -> SplitView:
    """A view on an embedded model: the first ``private`` records are secret, the next ``auxiliary`` the attacker's."""
    from transformers import AutoTokenizer

    from harness.models.resolve import resolve

    tokenizer = AutoTokenizer.from_pretrained(resolve(model))
    bert = "minilm" in model
    options: dict[str, Any] = {
        "prefix": (101,) if bert else (1,),
        "suffix": (102,) if bert else (),
        "special_ids": frozenset(tokenizer.all_special_ids),
        "max_tokens": max_tokens,
        **changes,
    }
    texts = texts_in_order[private : private + auxiliary]
    view = SplitView(
        model,
        cut,
        {record.id: record.text for record in texts_in_order[:private]},
        [record.text for record in texts],
        lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"]),
        **options,
    )
    view.public = replace(view.public, auxiliary=tuple(texts))
    return view
