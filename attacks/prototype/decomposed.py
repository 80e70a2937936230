"""The records behind a prototype of several: sparse non-negative decomposition, as an attack on a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.prototype.decomposition import lasso_weights, nnls_weights
from attacks.prototype.dictionary import Release, dictionary_of, releases
from harness.attack import Attack
from harness.errors import SuiteError
from harness.score.statistic import Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ABSENT", "PrototypeDecomposition", "next_weights"]

METHODS = ("lasso", "nnls")

ABSENT = -1.0
"""Score of a candidate whose class its party did not send: below that of any other."""


class PrototypeDecomposition(Attack):
    """Every prototype taken apart over candidates and own records of its class.

    A candidate's score is its weight above half of what a member would have: under equal noise in all directions
    that is the likelihood ratio of one more record in the mean, whatever the class's count. The guess at the text
    behind a prototype is the attacker's own text of most weight; candidates have no part in that.
    """

    name: ClassVar[str] = "prototype_decomposition"
    summary: ClassVar[str] = "sparse non-negative decomposition of class means over embeddings of candidates"
    source: ClassVar[str] = "Tibshirani 1996 (positive lasso), Lawson and Hanson 1974, on class means"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0, method: str = "lasso") -> None:
        if method not in METHODS:
            raise SuiteError(f"prototype_decomposition: method {method!r} is none of {', '.join(METHODS)}")
        self.shadows = shadows
        self.method = method

    def guess(self, view: View) -> Guess:
        """A score for every candidate; where the encoder is named, ``party/class`` -> token ids beside them."""
        known, found = dictionary_of(view, self.shadows), {}
        scores = dict.fromkeys((one.id for one in view.candidates), ABSENT)
        for release in releases(view, known):
            if release.asked:
                scores |= self._scores(view, release, known.atoms(release))
            if view.public.model:
                weights = self._weights(release, known.own[release.label])
                text = known.texts[release.label][int(np.argmax(weights))]
                found[f"{release.party}/{release.label}"] = view.tokenize(text)
        return {**scores, **found}

    def _scores(self, view: View, release: Release, atoms: Floats) -> dict[str, float]:
        weights = next_weights(release.vector, atoms, self._weights(release, atoms))
        half = 0.5 / release.count
        return {
            view.candidates[place].id: float(np.clip(weight - half, ABSENT + 1e-3, 1.0))
            for place, weight in zip(release.asked, weights, strict=False)
        }

    def _weights(self, release: Release, atoms: Floats) -> Floats:
        if self.method == "nnls":
            return nnls_weights(release.vector, atoms)
        return lasso_weights(release.vector, atoms, release.count)


def next_weights(vector: Floats, atoms: Floats, weights: Floats) -> Floats:
    """The weight ``[m]`` that each of ``atoms [m, d]`` would get next, all others kept and signs left free.

    At the optimum of non-negative least squares that is the weight itself where it is positive, and at most 0
    elsewhere: it tells candidates apart that the decomposition leaves out.
    """
    rest = vector - weights @ atoms
    norms = np.maximum((atoms**2).sum(1), 1e-12)
    found: Floats = weights + atoms @ rest / norms
    return found
