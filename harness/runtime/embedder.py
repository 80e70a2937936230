"""``me.embed``: a party's public encoder in the worker, with the embeddings that the harness already has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models.embeddings import Row, digest, encode, load_embeddings, stack
from harness.models.meter import Meter
from harness.models.tokens import load_tokens

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Embedder"]


class Embedder:
    """Texts -> embeddings [n, d]. A text is charged what encoding it costs, however its embedding was come by.

    ``spec`` is JSON: ``part`` and ``tokenizer`` folders, ``max_tokens``, ``known`` (a file of
    :func:`harness.models.embeddings.save_embeddings`, or empty).
    """

    def __init__(self, part: Callable[[], Any], spec: Mapping[str, Any], meter: Meter) -> None:
        self._part = part
        self._spec = spec
        self._meter = meter
        self._rows: dict[str, Row] = load_embeddings(Path(spec["known"])) if spec["known"] else {}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Embeddings [n, d] of ``texts``; only texts that are not known yet are encoded."""
        names = [digest(text) for text in texts]
        missing = {n: text for n, text in zip(names, texts, strict=True) if n not in self._rows}
        if missing:
            tokens = load_tokens(self._spec["tokenizer"])
            vectors = encode(self._part(), tokens, list(missing.values()), self._spec["max_tokens"])
            self._rows |= dict(zip(missing, vectors, strict=True))
        rows = [self._rows[name] for name in names]
        self._meter.flops += sum(flops for _, flops in rows)
        return stack(rows)
