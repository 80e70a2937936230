"""From hard labels alone: the class proportions that a confusion matrix turns into the histogram of answers."""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Ints

__all__ = ["black_box_shift", "confusion", "fit_response"]

PENALTY = 0.1
"""Weight of the starting matrix in :func:`fit_response`, in shadows that hold one class only."""


def confusion(answers: Ints, labels: Ints, classes: int) -> Floats:
    """``[classes, classes]``: column y is how often a model answers each class on texts of class y.

    A class without texts gets the identity's column: its answers are unknown and taken to be right.

    Raises:
        DataError: lengths differ.
    """
    if answers.shape != labels.shape:
        raise DataError(f"{answers.size} answers for {labels.size} labels: give one for each")
    counts = np.zeros((classes, classes))
    np.add.at(counts, (answers, labels), 1.0)
    counts += np.diag((counts.sum(0) == 0).astype(np.float64))
    return np.asarray(counts / counts.sum(0), dtype=np.float64)


def fit_response(histograms: Floats, proportions: Floats, start: Floats) -> Floats:
    """``[classes, classes]``: how the histogram of answers on the public texts responds to a party's proportions.

    The texts are the same for every party, so it is the model's prior that moves the histogram, not the inputs' as in
    the shift of classifier inputs; shadows ``histograms [s, classes]`` of parties with known ``proportions
    [s, classes]`` show by how much. Least squares, drawn to the ``start`` matrix where shadows are few.

    Raises:
        DataError: shapes do not fit.
    """
    if histograms.ndim != 2 or histograms.shape != proportions.shape or start.shape != (histograms.shape[1],) * 2:
        raise DataError(
            f"histograms {list(histograms.shape)}, proportions {list(proportions.shape)}, start {list(start.shape)}; "
            "give [s, classes] twice and [classes, classes]"
        )
    gram = proportions.T @ proportions + PENALTY * np.eye(len(start))
    moved = np.linalg.solve(gram, proportions.T @ (histograms - proportions @ start.T))
    return np.asarray(start + moved.T, dtype=np.float64)


def black_box_shift(histogram: Floats, matrix: Floats) -> Floats:
    """Proportions ``[classes]`` with ``matrix @ pi`` nearest to ``histogram``, non-negative and summing to 1.

    Black-box shift estimation (Lipton, Wang, Smola 2018, section 3): the matrix inverse where that is a distribution,
    and constrained least squares where it is not.

    Raises:
        DataError: shapes do not fit.
    """
    from scipy.optimize import nnls

    if matrix.shape != (len(histogram), len(histogram)):
        raise DataError(f"histogram {list(histogram.shape)} for confusion matrix {list(matrix.shape)}")
    heavy = 1e3  # the sum to one, as a row that outweighs all others
    rows = np.vstack([matrix, np.full((1, len(histogram)), heavy)])
    found, _ = nnls(rows, np.append(histogram, heavy))
    return np.asarray(found / found.sum(), dtype=np.float64)
