"""Noise in place of every message: nothing but its shape depends on the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness import Defense, Item, Kind, Message, PublicSide

SHAPES = frozenset({"lengths"})
"""Fields that say which rows belong together: a part of the message's shape."""


class PureNoise(Defense):
    """Real numbers become unit Gaussian noise, counts become one, texts become public texts, class numbers random.

    Prototypes leave for every public class, synthetic texts as many as were asked for, whatever the party holds. What
    the scenario says is public (a sensitivity of zero) stays.
    """

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.texts = list(public.texts) or ["nothing"]
        self.settings = public.settings
        self.classes = len(public.settings.get("labels") or public.settings.get("prefixes") or ())

    def send(self, message: Message) -> Message:
        private = {k: v for k, v in message.payload.items() if k not in SHAPES and not self.is_public(message, k)}
        rows = self.rows(message)
        return message.replace(**{name: self.noise(resized(v, rows), message.kind) for name, v in private.items()})

    def is_public(self, message: Message, field: str) -> bool:
        """Whether the field depends on no record."""
        bound = message.sensitivity.get(field)
        return isinstance(bound, int | float) and bound == 0

    def rows(self, message: Message) -> int:
        """Rows to send where their number would depend on the data and may change; 0: leave it."""
        if any(isinstance(value, list) and not value for value in message.payload.values()):
            return 0  # nothing tells what its entries would be
        if message.kind is Kind.SYNTHETIC_TEXT:
            return self.classes * int(self.settings.get("texts", 0))
        return self.classes if message.kind is Kind.PROTOTYPE else 0

    def noise(self, value: Any, kind: Kind) -> Any:
        """Something of the same type and shape."""
        if isinstance(value, torch.Tensor):
            if value.is_floating_point():
                return torch.randn(value.shape, generator=self.me.generator).to(value.dtype)
            return self.me.constant(value, 1)
        if isinstance(value, list) and value and isinstance(value[0], str):
            return [self.texts[i] for i in self.drawn(len(self.texts), len(value))]
        if isinstance(value, list) and kind is Kind.SYNTHETIC_TEXT:
            return self.drawn(max(self.classes, 1), len(value))
        if isinstance(value, list):
            return [type(one)(place) for place, one in enumerate(value)]  # distinct: classes must not repeat
        return self.texts[0] if isinstance(value, str) else type(value)(1)

    def drawn(self, below: int, count: int) -> list[int]:
        """``count`` whole numbers below ``below``, at random."""
        return torch.randint(below, (count,), generator=self.me.generator).tolist()


def resized(value: Any, rows: int) -> Any:
    """``value`` with ``rows`` rows or entries of its kind; as it is where it has none, or for ``rows`` 0."""
    if rows and isinstance(value, torch.Tensor) and value.dim():
        return value.new_zeros(rows, *value.shape[1:])
    return value[:1] * rows if rows and isinstance(value, list) else value
