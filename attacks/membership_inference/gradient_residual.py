"""Membership by what a gradient's row space leaves of a candidate: members lie inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.gradient_space.architecture import ATTENTION, output_rows
from attacks.toolkit.gradient_space.context import WholeContexts
from attacks.toolkit.gradient_space.subspace import row_space
from attacks.toolkit.readers.gradients import (
    SharedGradient,
    gradient_facts,
    learner_at,
    public_tokens,
    shared_gradients,
    whole_ids,
)
from harness.attack import SUM, Attack, GradientFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["GradientResidual"]

LEAST = 1e-7
FARTHEST = 0.0
"""Score of a candidate about whose party nothing was seen: the logarithm of the largest distance."""


class GradientResidual(Attack):
    """Mean logarithm of the distances of a candidate's context vectors from the row space of the output projection's
    gradient, least over the party's messages: a text of the batch lies inside, with all of its tokens.

    No shadow runs, no labels, no training.
    """

    name: ClassVar[str] = "gradient_residual"
    summary: ClassVar[str] = "how far a record's context vectors are from the row space of its party's gradients"
    source: ClassVar[str] = "ProjRes, arXiv 2604.21197"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts,)

    def __init__(self, *, tolerance: float = 2e-7) -> None:
        self.tolerance = tolerance

    def guess(self, view: View) -> Guess:
        """Candidate id -> score, larger meaning member."""
        facts, tokens = gradient_facts(view.public), public_tokens(view.public)
        texts = {c.id: whole_ids(facts, tokens.encode(c.text)[: facts.max_tokens]) for c in view.candidates}
        best = dict.fromkeys(texts, FARTHEST)
        for shared in shared_gradients(view, every=True):
            asked = {c.id: texts[c.id] for c in view.candidates if shared.sender in (c.party, SUM)}
            for name, score in self._scores(view, shared, asked).items():
                best[name] = max(best[name], score)
        return best

    def _scores(self, view: View, shared: SharedGradient, asked: dict[str, list[int]]) -> dict[str, float]:
        learner = learner_at(view.public, shared)
        rows = output_rows(shared.values, 0, ATTENTION[learner.part.family])
        if rows is None or (space := row_space(rows, self.tolerance)).full:
            return {}
        contexts = WholeContexts(learner.part)
        return {
            name: -float(space.distance(contexts(ids).double()).clamp_min(LEAST).log().mean())
            for name, ids in asked.items()
        }
