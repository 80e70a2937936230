"""Whole batches of texts from the gradients of a causal model's first attention: exact while they fit the rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.gradient_leakage.certificate import Certificate, certify
from attacks.toolkit.gradient_space.architecture import ATTENTION, input_rows, output_rows
from attacks.toolkit.gradient_space.context import ContextTree, tokens_in_span
from attacks.toolkit.gradient_space.subspace import Subspace, row_space
from attacks.toolkit.readers.gradients import gradient_facts, learner_at, public_model, shared_gradients
from harness.attack import Attack, GradientFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from harness.attack import Facts, Guess, Learner, Part, Public, Score, View

__all__ = ["GradientSpan", "Search", "spans_of"]


class GradientSpan(Attack):
    """Tokens whose input vectors lie in the row space of the stacked query, key and value gradients; texts as those
    paths of them whose context vectors lie in that of the output projection's gradient.

    Exact and without false positives where the number of distinct inputs is below the width and gradients are 32-bit
    numbers without noise; where a space is full, nothing is guessed. For adapters the spaces are those of the gradients
    of their first factors: up to as many distinct inputs as the sum of their ranks.
    """

    name: ClassVar[str] = "gradient_span"
    summary: ClassVar[str] = "batches of texts from the row spaces of one attention's gradients"
    source: ClassVar[str] = "Petrov, Dimitrov, Baader, Mueller and Vechev (2024), DAGER, section 4; context check: own"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts,)

    def __init__(self, *, tokens: float = 2e-3, contexts: float = 2e-3, prefixes: int = 512) -> None:
        self.tokens = tokens
        self.contexts = contexts
        self.prefixes = prefixes
        self._certificates: dict[str, Certificate] = {}

    def refuses(self, public: Public) -> str | None:
        """Encoders see whole texts at once."""
        return super().refuses(public) or _needs_causal(public)

    def guess(self, view: View) -> Guess:
        """Sender -> its texts, those that fit best first."""
        guesses: dict[str, list[list[int]]] = {}
        self._certificates = {}
        facts = gradient_facts(view.public)
        for shared in shared_gradients(view):
            learner = learner_at(view.public, shared)
            search = Search(learner.part, facts, self.tokens, self.contexts, self.prefixes)
            texts = search.texts(*spans_of(shared.values, learner))
            guesses.setdefault(shared.sender, []).extend(texts)
            self._certificates[f"{shared.sender} {shared.round}"] = certify(learner, shared, texts, facts)
        return guesses

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Per message, the norm of what the recovered texts leave of the gradient: it needs no truth."""
        return {"residual": {name: one.residual for name, one in self._certificates.items()}}


def spans_of(values: Mapping[str, Tensor], learner: Learner) -> tuple[Subspace | None, Subspace | None]:
    """The spaces of the first block's inputs and of its context vectors; None where nothing is sent of one."""
    layers = ATTENTION[learner.part.family]
    rows = (input_rows(values, 0, layers), output_rows(values, 0, layers))
    inputs, contexts = (None if one is None else row_space(one) for one in rows)
    return inputs, contexts


@dataclass(frozen=True)
class Search:
    """Texts as paths through the tokens of a batch."""

    part: Part
    facts: GradientFacts
    tokens: float
    """Distance up to which a token counts as one of the batch."""
    contexts: float
    """Distance up to which a continuation counts as one of a text."""
    prefixes: int
    """Most prefixes that are followed at a time."""

    def texts(self, inputs: Subspace | None, contexts: Subspace | None) -> list[list[int]]:
        """Texts, without the public prefix, in order of how well they fit."""
        if inputs is None or contexts is None or inputs.full or contexts.full:
            return []
        by_position = not (self.part.spec.rope or self.part.spec.alibi)
        prefix = list(self.facts.prefix)
        tree = ContextTree(self.part, prefix)
        paths: list[tuple[list[int], float]] = [([], 0.0)]
        done: list[tuple[list[int], float]] = []
        candidates = None if by_position else self.in_span(inputs, 0)
        for position in range(len(prefix), len(prefix) + self.facts.max_tokens):
            ids = self.in_span(inputs, position) if candidates is None else candidates
            if not len(ids) or not paths:
                break
            distances = self._distances(contexts, tree.contexts(ids))
            near = distances < self.contexts
            done += [path for path, extended in zip(paths, near.any(1).tolist(), strict=True) if not extended]
            order = distances[near].argsort()[: self.prefixes].sort().values
            rows, choice = near.nonzero()[order].T
            longer = zip(rows.tolist(), choice.tolist(), distances[rows, choice].tolist(), strict=True)
            paths = [([*paths[r][0], int(ids[c])], max(paths[r][1], far)) for r, c, far in longer]
            if paths:
                tree.extend(rows, choice)
        return [text for text, _ in sorted([*done, *paths], key=lambda path: path[1]) if text]

    def _distances(self, space: Subspace, contexts: Tensor) -> Tensor:
        """Distances [B, K] of context vectors, exact where they are small."""
        rough = space.screened(contexts)
        near = rough < 5 * self.contexts
        rough[near] = space.distance(contexts[near])
        return rough

    def in_span(self, inputs: Subspace, position: int) -> Tensor:
        """Tokens of the batch that may stand at a position."""
        every = tokens_in_span(self.part, inputs, position, self.tokens)
        special = torch.tensor(sorted(self.facts.special_ids), dtype=torch.long)
        return every[~torch.isin(every, special)]


def _needs_causal(public: Public) -> str | None:
    return None if public_model(public).causal else "made for causal models, this is an encoder"
