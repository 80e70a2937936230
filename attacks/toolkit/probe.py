"""Standardised logistic regression, the probe of all attribute attacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

__all__ = ["fit_probe"]


def fit_probe(x: Tensor, labels: Sequence[int], inverse_penalty: float) -> Any:
    """Scikit-learn pipeline of standardisation and L2 logistic regression (``inverse_penalty`` is its ``C``)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=300, class_weight="balanced")
    )
    return model.fit(x.double().cpu().numpy(), list(labels))
