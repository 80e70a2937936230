"""Records behind a prototype of several: non-negative decomposition over candidates.

A prototype of n records is ``sum_i w_i phi(x_i)`` with ``w_i = 1 / n``. Over a dictionary of candidate embeddings
that holds the records the decomposition finds them; over one that does not, the chosen candidates still share words
and topics with them. (Non-negative least squares: Lawson and Hanson 1974; positive lasso: Tibshirani 1996.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.embedding_inversion.prototype_dictionary import Dictionary, Release, dictionary_of, releases
from attacks.toolkit.prototype_space.moments import principal
from attacks.toolkit.public_model import PublicModel
from attacks.toolkit.words import words
from harness.attack import Attack, Floats, ModelFacts

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = [
    "ABSENT",
    "PrototypeDecomposition",
    "box_weights",
    "keywords",
    "lasso_weights",
    "next_weights",
    "nnls_weights",
    "top_candidates",
]

LARGEST = 1e6
"""Ratios are cut here: without noise they have no bound."""

ABSENT = -2 * LARGEST
"""Score of a candidate whose class its party did not send: below that of any other."""


MOST_TEXTS = 10
"""Own texts that a prototype is taken apart into at most: of more than that, no single one is its text."""


class PrototypeDecomposition(Attack):
    """Every prototype taken apart over the candidates of its party and class, all of them at once.

    A record of n weighs 1 / n, or nothing. Records that are no candidates are noise of the class's covariance, which
    whitens the rest; own records are no part of the decomposition, only of the moments. A candidate's score is the
    log-likelihood ratio of it among the records, given the weights of all others: a test of one candidate at a time
    takes the others for noise. The guess at the words behind a prototype of n records are those of the n own texts of
    most weight in a sparse decomposition over own texts.
    """

    name: ClassVar[str] = "prototype_decomposition"
    summary: ClassVar[str] = "class means taken apart over all candidates at once, by non-negative least squares"
    source: ClassVar[str] = "Lawson and Hanson 1974; Tibshirani 1996 (positive lasso); on means: Dwork et al. 2015"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """A score for every candidate; where the encoder is named, ``party/class`` -> token ids beside them."""
        known, tokens = dictionary_of(view, self.shadows), {}
        model = PublicModel(view.public) if view.public.facts_of(ModelFacts) else None
        axes = {name: _axes(model.covariance) for name, model in known.models.items()}
        scores = dict.fromkeys((one.id for one in view.candidates), ABSENT)
        for release in releases(view, known):
            if release.asked:
                ratios = zip(release.asked, _ratios(known, release, axes[release.label]), strict=True)
                scores |= {view.candidates[place].id: float(ratio) for place, ratio in ratios}
            if model is not None:
                count = min(round(release.count), MOST_TEXTS)
                weights = lasso_weights(release.vector, known.own[release.label], count)
                some = top_candidates(weights, count) or [0]
                texts = [model.tokenize(known.texts[release.label][i]) for i in some]
                tokens[f"{release.party}/{release.label}"] = [token for ids in texts for token in ids]
        return {**scores, **tokens}


def box_weights(vector: Floats, atoms: Floats, most: float) -> Floats:
    """Weights ``[m]`` from 0 to ``most`` that minimise ``|w atoms - vector|``: ``atoms [m, d]``, ``vector [d]``."""
    from scipy.optimize import lsq_linear

    weights: Floats = lsq_linear(atoms.T, vector, bounds=(0.0, most)).x
    return weights


def next_weights(vector: Floats, atoms: Floats, weights: Floats) -> Floats:
    """The weight ``[m]`` that each of ``atoms [m, d]`` would get next, all others kept and bounds left out.

    At the optimum of :func:`box_weights` that is the weight itself between the bounds, and beyond them at one: it
    tells candidates apart that the decomposition treats alike.
    """
    rest = vector - weights @ atoms
    norms = np.maximum((atoms**2).sum(1), 1e-12)
    alone: Floats = weights + atoms @ rest / norms
    return alone


def _ratios(known: Dictionary, release: Release, axes: tuple[Floats, Floats]) -> Floats:
    """Log-likelihood ratio of every candidate asked about: ``|x|^2 (w - 1 / 2n) / n`` on whitened x.

    Half of the candidates are expected to be in, and so much less is unknown.
    """
    spread, turn = axes
    unknown = max(release.count - len(release.asked) / 2, 1.0) / release.count**2
    noise = known.space.variance(release.count) + 1e-9 * float(spread.mean())
    whiten = turn / np.sqrt(unknown * spread + noise)
    atoms, vector = known.candidates[list(release.asked)] @ whiten, release.vector @ whiten
    weights = next_weights(vector, atoms, box_weights(vector, atoms, 1 / release.count))
    ratios = (atoms**2).sum(1) * (weights - 0.5 / release.count) / release.count
    return np.asarray(np.clip(ratios, -LARGEST, LARGEST), dtype=np.float64)


def _axes(covariance: Floats) -> tuple[Floats, Floats]:
    """Variances and directions ``[d, d]`` of a covariance."""
    spread, turn = principal(covariance)
    return np.maximum(spread, 1e-12 * spread[-1]), turn


def nnls_weights(prototype: Floats, dictionary: Floats) -> Floats:
    """Weights ``[m] >= 0`` that minimise ``|w dictionary - prototype|``: ``dictionary [m, d]``, ``prototype [d]``."""
    from scipy.optimize import nnls

    weights: Floats = nnls(dictionary.T, prototype, maxiter=20 * len(dictionary))[0]
    return weights


def lasso_weights(prototype: Floats, dictionary: Floats, count: float) -> Floats:
    """Non-negative weights ``[m]`` of the candidates that the positive lasso keeps, refitted without the penalty.

    The penalty is the smallest on its path (least angle regression: Efron et al. 2004) that keeps at most ``2 count``
    candidates, within twice as many steps, each of which lets one in or out: under noise, plain least squares would
    spread over many small weights.
    """
    from sklearn.linear_model import lars_path

    budget = min(max(2 * round(count), 1), len(dictionary))
    _, _, weights = lars_path(dictionary.T, prototype, positive=True, method="lasso", max_iter=2 * budget)
    fitting = np.flatnonzero((weights > 0).sum(0) <= budget)
    chosen = np.flatnonzero(weights[:, fitting[-1]] > 0)
    refitted = np.zeros(len(dictionary))
    refitted[chosen] = nnls_weights(prototype, dictionary[chosen]) if len(chosen) else 0.0
    return refitted


def top_candidates(weights: Floats, most: int) -> list[int]:
    """Indices of the ``most`` largest positive weights, largest first."""
    order = np.argsort(-weights, kind="stable")[:most]
    return [int(i) for i in order if weights[i] > 0]


def keywords(weights: Floats, texts: Sequence[str], most: int) -> list[str]:
    """The ``most`` words that are heavy in the decomposition but not among candidates at large.

    A word's score is the weight share of candidates that hold it minus their share of all candidates: words that
    everyone uses cancel.
    """
    mass: Counter[str] = Counter()
    share = weights / max(float(weights.sum()), 1e-30)
    for text, weight in zip(texts, share, strict=True):
        for word in set(words(text)):
            mass[word] += weight - 1 / len(texts)
    return [word for word, _ in sorted(mass.items(), key=lambda pair: (-pair[1], pair[0]))[:most]]
