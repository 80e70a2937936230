"""Counting floating-point operations: model parts by formula, defense hooks by torch's own counter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from harness.models.part import Part

__all__ = ["Meter", "MeteredPart"]


class Meter:
    """A running total of operations (2 per multiply-add; element-wise operations are not counted)."""

    def __init__(self) -> None:
        self.flops = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the matrix products of everything inside, as torch's ``FlopCounterMode`` sees them."""
        from torch.utils.flop_counter import FlopCounterMode

        counter = FlopCounterMode(display=False)
        with counter:
            yield
        self.flops += counter.get_total_flops()


class MeteredPart:
    """A model part whose forwards are added to a meter; everything else is the part's own."""

    def __init__(self, part: Part, meter: Meter) -> None:
        self.part = part
        self._meter = meter

    def new_cache(self) -> Any:
        """A fresh key-value cache of this part (None for encoders)."""
        return self.part.new_cache()

    def of(self, part: Any) -> MeteredPart:
        """Another part of the same size, on the same meter."""
        return MeteredPart(part, self._meter)

    @torch.inference_mode()
    def __call__(self, x: Tensor, cache: Any = None) -> Tensor:
        """Forward without gradients; shapes as :meth:`harness.models.Part.forward`."""
        past = 0 if cache is None else int(cache.length)
        self._meter.flops += x.shape[0] * self.part.flops(x.shape[1], past)
        out: Tensor = self.part(x, cache)
        return out
