"""Noise in place of every message: nothing but its shape depends on the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness import Defense, Item, Message, PublicSide


class PureNoise(Defense):
    """Real numbers become unit Gaussian noise, counts become one, lists of numbers count up, texts become public texts.
    What the scenario says is public (a sensitivity of zero) stays."""

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.texts = list(public.texts) or ["nothing"]

    def send(self, message: Message) -> Message:
        private = {k: v for k, v in message.payload.items() if not self.is_public(message, k)}
        return message.replace(**{name: self.noise(value) for name, value in private.items()})

    def is_public(self, message: Message, field: str) -> bool:
        """Whether the field depends on no record."""
        bound = message.sensitivity.get(field)
        return isinstance(bound, int | float) and bound == 0

    def noise(self, value: Any) -> Any:
        """Something of the same type and shape."""
        if isinstance(value, torch.Tensor):
            if value.is_floating_point():
                return torch.randn(value.shape, generator=self.me.generator).to(value.dtype)
            return self.me.constant(value, 1)
        if isinstance(value, list) and value and isinstance(value[0], str):
            picks = torch.randint(len(self.texts), (len(value),), generator=self.me.generator)
            return [self.texts[i] for i in picks.tolist()]
        if isinstance(value, list):
            return [type(one)(place) for place, one in enumerate(value)]  # distinct: classes must not repeat
        return self.texts[0] if isinstance(value, str) else type(value)(1)
