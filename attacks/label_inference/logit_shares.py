"""Class shares by the mixture of all estimates that is nearest to the truth on shadow runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.answer_shares import argmax_histogram, hard_labels, log_shares, mean_softmax
from attacks.label_inference.prior_estimate import fit_prior, fit_prior_to_noisy_logits, fitted_prior
from attacks.label_inference.prior_fit import PriorFit
from attacks.label_inference.reference_answers import ENOUGH, Estimate, ReferenceAnswers, shadow_looks
from attacks.label_inference.shift_estimate import shift_estimate
from attacks.toolkit.view import numpy_rng
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["LogitShares"]

TRIED = 24
"""Parties of either half that estimates are weighed on at most."""


class LogitShares(PriorFit):
    """The mixture of all estimates in this folder that is nearest to the truth on shadow runs; without, the prior fit.

    Which estimate is good depends on how hard the task is, on noisy labels and on the defense: the shadows know.
    """

    name: ClassVar[str] = "logit_shares"
    summary: ClassVar[str] = "mixture of all estimates of the label distribution, weighted on shadow runs"
    source: ClassVar[str] = "Shi et al. 2025; Lipton et al. 2018; Saerens et al. 2002; stacking after Wolpert 1992"

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def estimate(self, view: View, knowledge: ReferenceAnswers) -> Estimate:
        """A mixture; estimates that learn from shadows are weighted on others than they learned from, half by half."""
        looks, rng = list(shadow_looks(view, self.shadows)), numpy_rng(view)
        known = [looks[i] for i in rng.permutation(len(looks))]
        if len(known) < ENOUGH:
            return lambda logits: fitted_prior(knowledge, logits)
        halves = known[: len(known) // 2], known[len(known) // 2 :]
        fitted = [_weights(_options(knowledge, a, rng), b[:TRIED]) for a, b in (halves, halves[::-1])]
        weights = {name: sum(some.get(name, 0.0) for some in fitted) / 2 for name in {**fitted[0], **fitted[1]}}
        options = _options(knowledge, known, rng)
        return lambda logits: np.sum([w * options[name](logits) for name, w in weights.items()], axis=0)


def _options(
    knowledge: ReferenceAnswers, known: Sequence[tuple[Floats, Floats]], rng: np.random.Generator
) -> dict[str, Estimate]:
    def by(fit: Callable[[Floats], Floats]) -> Estimate:
        return lambda logits: fit(np.exp(log_shares(logits, share_of_rest=knowledge.rest(logits))).mean(0))

    reference, prior = knowledge.reference, knowledge.prior
    return {
        "prior": lambda logits: fitted_prior(knowledge, logits),
        "first": lambda logits: fitted_prior(knowledge, logits[:1]),
        "temperature": by(lambda shares: fit_prior(shares, reference, prior, temperature=None)),
        "equal": by(lambda shares: fit_prior(shares, reference, prior, temperature=knowledge.temperature)),
        "logits": lambda logits: fit_prior_to_noisy_logits(_bounded(logits).mean(0), reference, prior),
        "mean": mean_softmax,
        "histogram": lambda logits: argmax_histogram(hard_labels(logits, rng), knowledge.classes),
        "shift": shift_estimate(knowledge, known, rng),
    }


def _bounded(logits: Floats) -> Floats:
    return np.asarray(np.maximum(logits, logits.max(-1, keepdims=True) - 30.0), dtype=np.float64)


def _weights(options: Mapping[str, Estimate], known: Sequence[tuple[Floats, Floats]]) -> dict[str, float]:
    """Non-negative weights, summing to 1, of the mixture that is nearest to the truth in least squares."""
    from scipy.optimize import nnls

    guesses = np.stack([np.concatenate([fit(logits) for logits, _ in known]) for fit in options.values()], axis=1)
    truth, heavy = np.concatenate([shares for _, shares in known]), 1e3
    rows = np.vstack([guesses, np.full((1, len(options)), heavy)])
    weights, _ = nnls(rows, np.append(truth, heavy))
    return {name: float(w / weights.sum()) for name, w in zip(options, weights, strict=True) if w > 0}
