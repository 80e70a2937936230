"""A prototype of one record is that record's embedding: invert it as one.

:class:`Pooled` shows vectors to the attacks of ``embedding_inversion`` as if they were pooled messages, so that
relaxed optimisation runs on them unchanged; :func:`nearest_candidates` is the cheap baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.attack import Observation
from harness.errors import SuiteError
from harness.score.statistic import Floats

if TYPE_CHECKING:
    from harness.attack import DefenseCard, Public, View
    from harness.message import Kind, Message
    from harness.models import Part

__all__ = ["Pooled", "invert_single", "nearest_candidates"]


@dataclass(frozen=True)
class Pooled:
    """A view whose observations are given ``vectors``: record id -> embedding ``[d]``, lengths unknown."""

    inner: View
    public: Public
    vectors: Mapping[str, Tensor]
    adaptive: bool = False

    @property
    def defense(self) -> DefenseCard:
        return self.inner.defense

    @property
    def rng(self) -> torch.Generator:
        return self.inner.rng

    @property
    def device(self) -> str:
        return self.inner.device

    def observations(self) -> list[Observation]:
        """One per vector; its text's length was not announced."""
        return [Observation(record, vector) for record, vector in self.vectors.items()]

    def known_pairs(self) -> list[Observation]:
        """None: a prototype is not sent for a text that the attacker chose."""
        return []

    def messages(self, kind: Kind | None = None) -> list[Message]:
        """The transcript of the real view."""
        return self.inner.messages(kind)

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        """Refused: single embeddings are not what this protocol sends."""
        raise SuiteError("prototypes of single records cannot be simulated one by one: use the shadow runs")

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        """A part of the public encoder."""
        return self.inner.part(start, stop, head=head)

    def tokenize(self, text: str) -> list[int]:
        """Token ids as the victim's encoder makes them."""
        return self.inner.tokenize(text)


def invert_single(view: Pooled, **options: int | float) -> Mapping[str, list[int]]:
    """Token ids of every vector, by relaxed optimisation; ``options`` are those of RelaxedOptimisation."""
    from attacks.embedding_inversion.relaxed import RelaxedOptimisation

    found: Mapping[str, list[int]] = RelaxedOptimisation(**options).guess(view)  # type: ignore[arg-type]
    return found


def nearest_candidates(vectors: Floats, dictionary: Floats) -> list[int]:
    """Index of the candidate of largest cosine to each of ``vectors [k, d]`` in ``dictionary [m, d]``."""
    scaled = dictionary / np.maximum(np.linalg.norm(dictionary, axis=1, keepdims=True), 1e-30)
    return [int(i) for i in np.argmax(vectors @ scaled.T, axis=1)]
