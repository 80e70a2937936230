"""The tokens of a batch, straight from which rows of the embedding's gradient are not zero, or from the span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from attacks.toolkit.gradient_space.architecture import ATTENTION, input_rows
from attacks.toolkit.gradient_space.context import tokens_in_span
from attacks.toolkit.gradient_space.subspace import row_space
from attacks.toolkit.readers.gradients import SharedGradient, gradient_facts, learner_at, shared_gradients
from harness.attack import Attack, GradientFacts, group_of

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Learner, Score, View

__all__ = ["GradientReadout", "embedding_rows", "present_rows"]

SUPPORT = 1e-5
"""Norm of a row over the largest, from which it is no rounding error."""
NOISE = 6.0
"""Standard deviations (by the median absolute deviation) by which a row stands out of noise."""


class GradientReadout(Attack):
    """Rows of the word-embedding gradient that are not zero are the tokens of the batch. Where embeddings are tied to a
    language-model head all rows move, and rows that stand out by ``deviations`` in the logarithm of their norm are
    taken (Fowl et al. 2023, "Decepticons", section 4). Where embeddings are frozen: tokens whose vectors lie in the
    span of the first attention's inputs. Facts: the rank of that span, the longest text by position rows.
    """

    name: ClassVar[str] = "gradient_readout"
    summary: ClassVar[str] = "tokens of a batch from embedding rows or the first attention's span"
    source: ClassVar[str] = "Gupta et al. (2022), FILM, section 4.1; Petrov et al. (2024), DAGER, section 4.1"
    secret: ClassVar[str] = "words"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts,)

    def __init__(self, *, deviations: float = 3.0) -> None:
        self.deviations = deviations
        self._read: dict[str, dict[str, int]] = {}

    def guess(self, view: View) -> Guess:
        """Sender -> token ids, each once."""
        guesses: dict[str, list[int]] = {}
        facts = gradient_facts(view.public)
        self._read = {}
        for shared in shared_gradients(view):
            learner = learner_at(view.public, shared)
            tokens = self._tokens(shared, learner, facts)
            kept = [token for token in tokens if token not in facts.special_ids]
            guesses.setdefault(shared.sender, []).extend(kept)
            self._read[f"{shared.sender} {shared.round}"] = _structure(shared.values, learner)
        return guesses

    def _tokens(self, shared: SharedGradient, learner: Learner, facts: GradientFacts) -> list[int]:
        rows = embedding_rows(shared.values, learner)
        if rows is None:
            inputs = input_rows(shared.values, 0, ATTENTION[learner.part.family])
            return [] if inputs is None else _in_span(inputs, learner, facts)
        if learner.spec.task == "language_modelling":
            size = rows.norm(dim=1).clamp_min(1e-30).log()
            outstanding = size > size.mean() + self.deviations * size.std()
            return [int(token) for token in outstanding.nonzero()]
        return present_rows(rows)

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Per message: rank of the first span, positions that are used."""
        return {"structure": self._read}


def embedding_rows(values: Mapping[str, Tensor], learner: Learner) -> Tensor | None:
    """Gradient [V, d] of the token embeddings; None where they are frozen."""
    name = f"part.embedding.{learner.part.spec.table}.weight"
    return values.get(name) if group_of(name) == "embeddings" else None


def present_rows(rows: Tensor) -> list[int]:
    """Numbers of the rows that are not zero up to rounding or, where all rows have noise, that stand out of it."""
    norms = rows.norm(dim=1)
    middle = norms.median()
    spread = 1.4826 * (norms - middle).abs().median()
    least = torch.maximum(SUPPORT * norms.max(), middle + NOISE * spread)
    present = [int(row) for row in (norms > least).nonzero()]
    return present if len(present) < len(rows) // 2 else []


def _in_span(rows: Tensor, learner: Learner, facts: GradientFacts) -> list[int]:
    span = row_space(rows)
    if span.full:
        return []
    positions = [0] if learner.part.spec.rope or learner.part.spec.alibi else range(facts.max_tokens)
    return sorted({int(t) for p in positions for t in tokens_in_span(learner.part, span, p, 2e-3)})


def _structure(values: Mapping[str, Tensor], learner: Learner) -> dict[str, int]:
    read = {}
    inputs = input_rows(values, 0, ATTENTION[learner.part.family])
    if inputs is not None:
        read["rank"] = row_space(inputs).rank
    positions = next((rows for name, rows in values.items() if "position_embeddings" in name or ".wpe." in name), None)
    if positions is not None and (used := present_rows(positions)):
        read["longest"] = max(used) + 1
    return read
