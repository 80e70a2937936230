"""Lower bounds on epsilon from what a membership attack got right.

A bound can never exceed its *ceiling*, the value that a perfect attack on as many guesses would show, so each is
reported beside it: a small bound under a small ceiling says little about the defense. All bounds hold with
probability 1 - alpha for attacks, thresholds and numbers of guesses that were fixed before the data were seen, which
is what the ``tuned_`` functions see to by choosing on one half and testing on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1, log

import numpy as np

from harness.errors import DataError, LeakboardError
from harness.score.exact import clopper_pearson
from harness.util.arrays import Floats, Mask

__all__ = [
    "EpsilonBound",
    "disclosure_bound",
    "one_run_audit",
    "one_run_bound",
    "one_run_ceiling",
    "one_run_p_value",
    "tuned_one_run_audit",
    "two_rate_bound",
]

LARGEST = 40.0
"""Epsilons are searched up to here: e^40 is beyond any number of guesses."""


@dataclass(frozen=True)
class EpsilonBound:
    """A lower bound on epsilon at level 1 - alpha, and the largest it could have been."""

    epsilon: float
    ceiling: float
    guesses: int
    correct: int
    delta: float
    alpha: float

    def refutes(self, claimed: float) -> bool:
        """True where the mechanism cannot be (claimed, delta)-differentially private."""
        return self.epsilon > claimed


def two_rate_bound(
    true_positives: int, members: int, false_positives: int, nonmembers: int, *, delta: float = 0.0, alpha: float = 0.05
) -> EpsilonBound:
    """Bound from both error rates of one fixed threshold (Jagielski et al. 2020; Nasr et al. 2021).

    Each error rate gets its Clopper-Pearson upper bound at alpha / 2. Trials must be independent: runs with and
    without one canary, or canaries that do not influence each other.

    Raises:
        LeakboardError: counts that are no proportions, or delta or alpha out of range.
    """
    _check_levels(delta, alpha)
    missed = clopper_pearson(members - true_positives, members, alpha)[1]
    false = clopper_pearson(false_positives, nonmembers, alpha)[1]
    best = clopper_pearson(0, members, alpha)[1], clopper_pearson(0, nonmembers, alpha)[1]
    right = true_positives + nonmembers - false_positives
    return EpsilonBound(
        _from_rates(missed, false, delta), _from_rates(*best, delta), members + nonmembers, right, delta, alpha
    )


def one_run_p_value(epsilon: float, canaries: int, guesses: int, correct: int, delta: float = 0.0) -> float:
    """Largest probability that an (epsilon, delta)-private algorithm allows for ``correct`` or more right guesses.

    ``canaries`` were each included independently with probability 1/2; the attack guessed ``guesses`` of them and
    abstained on the rest (Steinke, Nasr, Jagielski 2023, theorem 5.2).
    """
    from scipy.stats import binom

    right = 1.0 / (1.0 + np.exp(-epsilon))
    tails = binom.sf(np.arange(correct - 1, -2, -1), guesses, right)  # Pr[at least correct, correct - 1, ..., 0]
    drift = float(((tails[1:] - tails[0]) / np.arange(1, correct + 1)).max()) if correct else 0.0
    return float(min(tails[0] + 2.0 * canaries * delta * drift, 1.0))


def one_run_bound(
    canaries: int, guesses: int, correct: int, *, delta: float = 0.0, alpha: float = 0.05
) -> EpsilonBound:
    """Largest epsilon that ``correct`` of ``guesses`` reject at level alpha, from a single run.

    Raises:
        LeakboardError: not 0 <= correct <= guesses <= canaries with at least one guess, or delta or alpha out of range.
    """
    _check_levels(delta, alpha)
    if not (0 <= correct <= guesses <= canaries and guesses >= 1):
        raise LeakboardError(
            f"one-run audit: {correct} right of {guesses} guesses on {canaries} canaries; "
            "need 0 <= correct <= guesses <= canaries and at least one guess"
        )
    if delta == 0:
        largest = _pure(guesses, correct, alpha)
    else:
        largest = _largest(lambda epsilon: one_run_p_value(epsilon, canaries, guesses, correct, delta) <= alpha)
    return EpsilonBound(largest, one_run_ceiling(guesses, alpha), guesses, correct, delta, alpha)


def one_run_ceiling(guesses: int, alpha: float = 0.05) -> float:
    """The bound from ``guesses`` right guesses out of as many: the log-odds of ``alpha ** (1 / guesses)``, or 0 where
    so few prove nothing."""
    return max(0.0, -log(expm1(-log(alpha) / guesses)))


def one_run_audit(
    scores: Floats,
    included: Mask,
    guesses: int,
    rng: np.random.Generator,
    *,
    delta: float = 0.0,
    alpha: float = 0.05,
) -> EpsilonBound:
    """Bound from ``scores [m]`` of canaries in one run: the highest are guessed "in", as many lowest "out".

    Of an odd number of ``guesses`` one more says "in". Equal scores are ordered at random.

    Raises:
        DataError: shapes differ or a score is nan.
        LeakboardError: as :func:`one_run_bound`.
    """
    _check_scores(scores, included)
    ranked = np.lexsort((rng.random(len(scores)), -scores))
    marks = np.asarray(included, dtype=bool)[ranked]
    ins, outs = (guesses + 1) // 2, guesses // 2
    correct = int(marks[:ins].sum() + (~marks[len(marks) - outs :]).sum())
    return one_run_bound(len(scores), guesses, correct, delta=delta, alpha=alpha)


def tuned_one_run_audit(
    scores: Floats, included: Mask, rng: np.random.Generator, *, delta: float = 0.0, alpha: float = 0.05
) -> EpsilonBound:
    """:func:`one_run_audit` on a random half of the canaries, with the number of guesses that is best on the other."""
    _check_scores(scores, included)
    tune, test = _halves(len(scores), rng)
    options = sorted({max(int(len(test) * share), 1) for share in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)})
    options = [r for r in options if r <= len(tune)]
    tried = [one_run_audit(scores[tune], included[tune], r, rng, delta=delta, alpha=alpha).epsilon for r in options]
    best = options[int(np.argmax(tried))]
    return one_run_audit(scores[test], included[test], best, rng, delta=delta, alpha=alpha)


def disclosure_bound(
    matched_members: int, matched_others: int, members: int, others: int, *, alpha: float = 0.05
) -> EpsilonBound:
    """Bound at delta 0 from the records of which a rare feature turned up in a release (Amin et al. 2026, "Phantoms
    and Disclosures").

    ``members`` of all records were drawn to be in. Of those that match by chance as many are members as the draw made;
    epsilon-privacy raises their odds by e^epsilon at most. The ceiling is what as many matches would show if all were
    members.

    Raises:
        LeakboardError: counts that are no proportions, or alpha out of range.
    """
    from scipy.special import betaincinv

    _check_levels(0.0, alpha)
    if not (0 <= matched_members <= members and 0 <= matched_others <= others and members and others):
        raise LeakboardError(
            f"disclosure bound: {matched_members} of {members} members, {matched_others} of {others} others matched; "
            "need counts of both kinds, and no more matches than records"
        )
    matches = matched_members + matched_others

    def proven(correct: int) -> float:
        share = float(betaincinv(correct, matches - correct + 1, alpha)) if correct else 0.0
        return max(log(share / (1 - share) * others / members), 0.0) if 0 < share < 1 else 0.0

    return EpsilonBound(proven(matched_members), proven(matches), matches, matched_members, 0.0, alpha)


def _from_rates(missed: float, false: float, delta: float) -> float:
    """Epsilon implied by the two error rates of a test: either error may be the rare one."""
    pairs = ((1 - missed - delta, false), (1 - false - delta, missed))
    return max(0.0, *(log(kept / wrong) for kept, wrong in pairs if kept > 0))


def _pure(guesses: int, correct: int, alpha: float) -> float:
    """The epsilon at which the binomial tail is alpha: the log-odds of a one-sided Clopper-Pearson bound."""
    from scipy.special import betaincinv

    if correct == 0:
        return 0.0
    right = float(betaincinv(correct, guesses - correct + 1, alpha))
    return min(max(log(right / (1 - right)), 0.0), LARGEST) if 0 < right < 1 else 0.0


def _largest(rejected: Callable[[float], bool]) -> float:
    """The largest epsilon of [0, LARGEST] that is rejected; rejection is monotone, 0 if none is."""
    low, high = 0.0, LARGEST
    if not rejected(low):
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low


def _halves(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if count < 4:
        raise DataError(f"{count} canaries: tuning on one half and testing on the other needs at least 4")
    order = rng.permutation(count)
    return order[: count // 2], order[count // 2 :]


def _check_levels(delta: float, alpha: float) -> None:
    if not (0 <= delta < 1 and 0 < alpha < 1):
        raise LeakboardError(f"audit: delta={delta}, alpha={alpha}; give 0 <= delta < 1 and 0 < alpha < 1")


def _check_scores(scores: Floats, labels: Mask) -> None:
    if scores.ndim != 1 or scores.shape != labels.shape or np.isnan(scores).any():
        raise DataError(
            f"audit: scores {list(scores.shape)} for labels {list(labels.shape)}, {int(np.isnan(scores).sum())} nan; "
            "give one number for each canary"
        )
