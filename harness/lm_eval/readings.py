"""Returned states read by the harness: what a language model's last norm and vocabulary head make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.lm_eval.rows import unpack_rows
from harness.util.caching import single_flight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.models.part import Part

__all__ = ["Reading", "read"]


@dataclass(frozen=True)
class Reading:
    """The rows of one session as predictions of tokens."""

    likelihoods: tuple[float, ...]
    """Log-likelihood of each token that was asked for, in nats; fewer than asked where rows are missing."""
    likeliest: tuple[int, ...]
    """The likeliest token of each row that was asked for."""


def read(model: str, packed: Any, tokens: Sequence[int] = (), choices: int = 0) -> Reading:
    """The reading of packed rows [n, d] before the last norm: row i predicts ``tokens[i]``.

    Without tokens, the first ``choices`` rows are read. Rows beyond count for nothing, malformed ones are none at all.
    Two tasks that read the same rows share the work.
    """
    part = _reader(model)
    try:
        unpack_rows(packed, part.hidden_size)
    except ValueError:
        return Reading((), ())
    return _read(model, packed["data"], packed["shape"][0], tuple(tokens), len(tokens) or choices)


@single_flight(maxsize=256)
def _read(model: str, data: str, count: int, tokens: tuple[int, ...], wanted: int) -> Reading:
    import torch

    part = _reader(model)
    rows = unpack_rows({"data": data, "shape": [count, part.hidden_size]}, part.hidden_size)[:wanted]
    if not len(rows):
        return Reading((), ())
    with torch.inference_mode():
        scores = torch.log_softmax(part(rows[None])[0], -1)
    pairs = list(zip(range(len(rows)), tokens, strict=False))
    picked = scores[[row for row, _ in pairs], [token for _, token in pairs]]
    return Reading(tuple(picked.tolist()), tuple(scores.argmax(-1).tolist()))


def _reader(model: str) -> Part:
    from harness.models.resolve import depth
    from harness.models.split import public_part

    return public_part(model, depth(model), None, True, False)
