"""Seeds and generators: one function from named axes to a seed, so no draw depends on call order.

Data, splits, canaries and attacks derive from (suite, entry, seed index, salt) and never from the
submission, so that submissions compare pairwise on the same secrets. A defense's noise also takes
the operating point. The salt of local runs is public; that of an official run is secret until it is over, so that
nobody knows the texts of its live runs before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["PUBLIC_SALT", "derive", "numpy_generator", "secret_axis", "torch_generator"]

PUBLIC_SALT = "public"
"""Salt of local runs: everybody can draw what they drew, and their records say so."""

Axis = str | int


def derive(*axes: Axis, salt: str = "") -> int:
    """A 63-bit seed: HMAC-SHA256 of the axes under ``salt``. Equal axes give equal seeds on every machine."""
    text = json.dumps(list(axes), separators=(",", ":")).encode()
    digest = hmac.new(salt.encode(), text, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def secret_axis(salt: str) -> int:
    """An axis by which a salt enters draws of data. It is no function of the hashes of the salt that are published, and
    does not give the salt away."""
    return derive("draws", salt=salt)


def torch_generator(*axes: Axis, salt: str = "") -> torch.Generator:
    """A CPU :class:`torch.Generator` seeded by :func:`derive`."""
    import torch

    return torch.Generator().manual_seed(derive(*axes, salt=salt))


def numpy_generator(*axes: Axis, salt: str = "") -> np.random.Generator:
    """A :class:`numpy.random.Generator` seeded by :func:`derive`."""
    import numpy as np

    return np.random.default_rng(derive(*axes, salt=salt))
