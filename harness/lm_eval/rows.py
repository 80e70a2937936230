"""Final states on their way from a private party's prediction to the harness: float32 rows inside JSON."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["pack_rows", "unpack_rows"]


def pack_rows(rows: Tensor) -> dict[str, Any]:
    """JSON of a tensor [n, d], bit by bit as float32."""
    import torch

    content = rows.detach().to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes()
    return {"shape": list(rows.shape), "data": base64.b64encode(content).decode("ascii")}


def unpack_rows(packed: Any, width: int) -> Tensor:
    """Inverse of :func:`pack_rows` on JSON that a worker sent: nothing in it is trusted.

    Raises:
        ValueError: it is no finite tensor [n, ``width``].
    """
    import numpy as np
    import torch

    try:
        count, given = packed["shape"]
        content = base64.b64decode(packed["data"], validate=True)
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise ValueError(f"no packed rows: {error}") from error
    whole = isinstance(count, int) and isinstance(given, int) and count >= 0
    if not whole or given != width or len(content) != 4 * count * width:
        raise ValueError(f"packed rows of shape {[count, given]} in {len(content)} bytes; expected [n, {width}]")
    values = np.frombuffer(content, "<f4").reshape(count, width)
    if not np.isfinite(values).all():
        raise ValueError("packed rows hold NaN or infinity")
    return torch.from_numpy(values.astype(np.float32))
