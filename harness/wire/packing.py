"""Smaller wire forms of a float tensor: 8-bit rounding and top-k. Receivers get the dense tensor back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.errors import CodecError

__all__ = ["Packed", "pack_forms", "pack_int8", "pack_top_k"]

_FORMS = {"int8": ("values", "scale"), "topk": ("values", "index")}


def pack_forms(form: str) -> tuple[str, ...]:
    """Names of the tensors that make up a wire form; raises :class:`CodecError` for an unknown one."""
    if form not in _FORMS:
        raise CodecError(f"unknown packed form {form!r}; known: {', '.join(sorted(_FORMS))}")
    return _FORMS[form]


@dataclass(frozen=True)
class Packed:
    """A float tensor of ``shape`` in the wire form ``form``; :meth:`dense` is what every receiver sees."""

    form: str
    shape: torch.Size
    parts: Mapping[str, Tensor]

    def dense(self) -> Tensor:
        """The float32 tensor this stands for, shape ``self.shape``."""
        values = self.parts["values"]
        if self.form == "int8":
            if values.shape != self.shape or self.parts["scale"].shape != (*self.shape[:-1], 1):
                raise CodecError(f"int8 values {tuple(values.shape)} do not match shape {tuple(self.shape)}")
            return values.to(torch.float32) * self.parts["scale"].to(torch.float32)
        index = self.parts["index"].to(torch.int64)
        inside = index.numel() == 0 or 0 <= int(index.min()) <= int(index.max()) < self.shape[-1]
        if values.shape != index.shape or not inside:
            raise CodecError(f"top-k values and index do not fit shape {tuple(self.shape)}")
        return torch.zeros(self.shape).scatter(-1, index, values.to(torch.float32))


def pack_int8(x: Tensor) -> Packed:
    """Symmetric 8-bit rounding with one scale per vector of the last dimension (max-abs / 127)."""
    scale = x.detach().abs().amax(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / 127
    values = torch.round(x.detach() / scale).clamp(-127, 127).to(torch.int8)
    return Packed("int8", x.shape, {"values": values, "scale": scale.to(torch.float32)})


def pack_top_k(x: Tensor, k: int) -> Packed:
    """The ``k`` coordinates of largest magnitude of each vector, in increasing index order; 16-bit indices."""
    if not 1 <= k <= x.shape[-1] <= 32767:
        raise CodecError(f"top-k needs 1 <= k <= width <= 32767, got k = {k} and width {x.shape[-1]}")
    index = x.detach().abs().topk(k, dim=-1).indices.sort(-1).values
    return Packed("topk", x.shape, {"values": x.detach().gather(-1, index), "index": index.to(torch.int16)})
