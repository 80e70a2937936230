"""Seeds and generators: one function from named axes to a seed, so no draw depends on call order.

Data, splits, canaries and attacks derive from (suite, entry, seed index) and never from the
submission, so that submissions compare pairwise on the same secrets. A defense's noise also takes
the operating point, and an official run a secret salt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["derive", "numpy_generator", "torch_generator"]

Axis = str | int


def derive(*axes: Axis, salt: str = "") -> int:
    """A 63-bit seed: HMAC-SHA256 of the axes under ``salt``. Equal axes give equal seeds on every machine."""
    text = json.dumps(list(axes), separators=(",", ":")).encode()
    digest = hmac.new(salt.encode(), text, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def torch_generator(*axes: Axis, salt: str = "") -> torch.Generator:
    """A CPU :class:`torch.Generator` seeded by :func:`derive`."""
    import torch

    return torch.Generator().manual_seed(derive(*axes, salt=salt))


def numpy_generator(*axes: Axis, salt: str = "") -> np.random.Generator:
    """A :class:`numpy.random.Generator` seeded by :func:`derive`."""
    import numpy as np

    return np.random.default_rng(derive(*axes, salt=salt))
