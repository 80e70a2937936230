"""Membership in a prototype, by the cosine of the record's embedding to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.prototype_space.space import averaged
from attacks.toolkit.readers.prototypes import prototypes
from attacks.toolkit.view import embeddings, labels_of
from harness.attack import Attack, Floats, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["PrototypeCosine", "cosine_scores"]


class PrototypeCosine(Attack):
    """Cosine of a candidate's public embedding to its party's prototype of its class: the weak, usual baseline."""

    name: ClassVar[str] = "prototype_cosine"
    summary: ClassVar[str] = "cosine of the record's embedding to the class prototype"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def guess(self, view: View) -> Guess:
        """A score for every candidate; -1 where its class was not sent, or lives in another space."""
        sent_by_all = prototypes(view.transcript, labels_of(view.public))
        points = embeddings(view, [one.text for one in view.candidates])
        scores: dict[str, float] = {}
        for candidate, point in zip(view.candidates, points, strict=True):
            sent = averaged(sent_by_all, candidate.party, str(candidate.label))
            fits = sent is not None and len(sent[0]) == len(point)
            scores[candidate.id] = float(cosine_scores(point[None], sent[0])[0]) if sent and fits else -1.0
        return scores


def cosine_scores(candidates: Floats, release: Floats) -> Floats:
    """Baseline: cosine similarity ``[m]`` of each candidate to the release."""
    norms = np.linalg.norm(candidates, axis=1) * np.linalg.norm(release)
    scores: Floats = candidates @ release / np.maximum(norms, 1e-30)
    return scores
