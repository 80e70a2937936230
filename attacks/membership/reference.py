"""A classifier of the attacker's own, on its auxiliary records: what a text is about without any party's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.membership.reading import classes_of
from harness.attack import Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["Reference", "embedded", "fit_reference"]

STRENGTH = 0.1
"""Inverse penalty of the logistic regression on embeddings of mean square 1 per coordinate."""

ABSENT = -12.0
"""Log-share of a class of which the attacker has no record."""


@dataclass(frozen=True)
class Reference:
    """Log-shares of classes for texts, and the proportions it was trained under."""

    log_shares: Callable[[Floats], Floats]
    prior: Floats


def embedded(view: View, texts: list[str]) -> Floats:
    """Embeddings ``[n, d]`` by the deployment's public encoder."""
    return np.asarray(view.embed(texts).double().numpy(), dtype=np.float64)


def fit_reference(view: View) -> Reference:
    """Logistic regression on embeddings of the labelled auxiliary records.

    Raises:
        SuiteError: the scenario gives the attacker records of fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression

    names = classes_of(view.public)
    known = [record for record in view.public.auxiliary if record.label in names]
    labels = np.array([names.index(str(record.label)) for record in known], dtype=np.int64)
    if len(set(labels.tolist())) < 2:
        raise SuiteError(f"a reference model needs auxiliary records of 2 classes; these {len(known)} have fewer")
    points = embedded(view, [record.text for record in known])
    scale = float(np.sqrt((points**2).mean())) or 1.0
    model = LogisticRegression(C=STRENGTH, max_iter=500).fit(points / scale, labels)
    counts = np.bincount(labels, minlength=len(names)) + 1.0

    def log_shares(embeddings: Floats) -> Floats:
        out = np.full((len(embeddings), len(names)), ABSENT)
        out[:, model.classes_] = np.maximum(model.predict_log_proba(embeddings / scale), 2 * ABSENT)
        return out

    return Reference(log_shares, counts / counts.sum())
