"""The class proportions that turn a reference model's answers into a party's.

Averages of a party's answers are dominated by what the public texts are about. Bayes' rule tells the two apart: a model
trained under proportions pi answers like a reference trained under pi_ref, times ``pi / pi_ref``, normalised. The
proportions are read off where the party's answers and the reference's on the *same* texts differ.
"""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["fit_prior", "fit_prior_to_noisy_logits"]

PENALTY = 1e-4
"""Weight of the squared log-ratios: keeps those of classes that never occur finite."""

BOUND = 12.0
"""Log-ratios (at slope 1) stay within this: e^-12 of a class is none of it."""


def fit_prior(
    answers: Floats, reference: Floats, prior: Floats, *, temperature: float | None = 1.0, evidence: bool = False
) -> Floats:
    """Proportions ``[classes]`` under which ``softmax((e reference + log(pi / prior)) / temperature)`` fits best.

    The fit minimises the cross-entropy to ``answers [n, classes]`` (shares; one-hot for hard labels), which is convex.
    ``reference [n, classes]`` are log-shares of a model trained under ``prior [classes]``. ``temperature`` is the
    defense's, None fits it: hard labels are answers at temperature 0. ``evidence`` fits e too, 1 otherwise: a party's
    model may have learned less from each text than the reference. Of both together only the ratio shows: where answers
    follow the reference more sharply than it says itself, that is temperature, and where less, it is evidence.

    Raises:
        DataError: shapes do not fit, or a proportion of ``prior`` is not positive.
    """
    from scipy.optimize import minimize

    _check(answers, reference, prior)
    classes, free = len(prior), temperature is None or evidence

    slope = 1.0 / (temperature or 1.0)

    def unit_of(a: float) -> tuple[float, bool]:
        """By what offsets exceed log-ratios at slope ``a``, and whether that is the slope itself."""
        tempered = temperature is None and (a > 1.0 or not evidence)
        return (a if tempered else slope), tempered

    def loss(point: Floats) -> tuple[float, Floats]:
        a, offset = point[0], point[1:]
        scores = a * reference + offset
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        error = (np.exp(logs) * answers.sum(1, keepdims=True) - answers) / len(answers)
        unit, tempered = unit_of(a)
        ratios = offset / unit
        value = -(answers * logs).sum() / len(answers) + PENALTY * (ratios**2).sum()
        by_slope = (error * reference).sum() - tempered * 2 * PENALTY * (ratios**2).sum() / unit
        return float(value), np.r_[by_slope, error.sum(0) + 2 * PENALTY * ratios / unit]

    slopes, widest = ((0.02, 20.0) if free else (slope, slope)), BOUND * (20.0 if free else max(slope, 1.0))
    start, bounds = np.r_[slope, np.zeros(classes)], [slopes, *[(-widest, widest)] * classes]
    limit = {"maxiter": 150}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=limit).x
    return _proportions(found[1:] / unit_of(float(found[0]))[0], prior)


def fit_prior_to_noisy_logits(logits: Floats, reference: Floats, prior: Floats, *, temperature: float = 1.0) -> Floats:
    """The same proportions by least squares on the logits: the maximum of the likelihood under Gaussian noise on them.

    Softmax turns noise into confidence; logits let it average out over ``logits [n, classes]``. Rows are centred over
    classes, so that what a softmax does not see does not count; the evidence e is fitted.

    Raises:
        DataError: as :func:`fit_prior`, or a logit is not finite.
    """
    _check(logits, reference, prior)
    if not np.isfinite(logits).all():
        raise DataError("least squares needs finite logits; use fit_prior where a defense truncates them")
    said, meant = _centred(logits) * temperature, _centred(reference)
    # Offsets are per class, so the slope comes from what varies within each class's column.
    spread = meant - meant.mean(0)
    slope = float((spread * said).sum() / max(float((spread**2).sum()), 1e-12))
    return _proportions(said.mean(0) - slope * meant.mean(0), prior)


def _proportions(log_ratios: Floats, prior: Floats) -> Floats:
    logs = np.log(prior) + log_ratios
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _centred(logits: Floats) -> Floats:
    return np.asarray(logits - logits.mean(1, keepdims=True), dtype=np.float64)


def _check(answers: Floats, reference: Floats, prior: Floats) -> None:
    problems = []
    if answers.ndim != 2 or answers.shape != reference.shape or answers.shape[1:] != prior.shape or not len(answers):
        problems.append(
            f"answers {list(answers.shape)}, reference {list(reference.shape)}, prior {list(prior.shape)}; "
            "give [n, classes] twice and [classes]"
        )
    if not (prior > 0).all():
        problems.append("the reference's proportions must all be positive; smooth them")
    if problems:
        raise DataError("prior fit: " + "; ".join(problems))
