"""Metrics of texts and of language models."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from math import exp, nan
from typing import TYPE_CHECKING, Any

from harness.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["mean_nll", "perplexity", "rouge_l", "same_text"]


def rouge_l(guess: str, truth: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, section 3), by the rouge-score package.

    Words are lower-cased runs of Latin letters and digits, unstemmed; nan where the truth holds none.
    """
    if not re.search("[a-z0-9]", truth.lower()):
        return nan
    return float(_rouge().score(truth, guess)["rougeL"].fmeasure)


def same_text(guess: str, truth: str) -> float:
    """1.0 where two texts are the same but for spacing and Unicode form, else 0.0; case counts."""
    return float(_form(guess) == _form(truth))


def mean_nll(logprobs: ArrayLike) -> float:
    """Mean negative log-likelihood in nats per token, of the natural log-probabilities of a record's true tokens.

    nan where there are no tokens; infinite where one was held impossible.

    Raises:
        DataError: a log-probability is nan or above 0 (beyond rounding), so it is none.
    """
    import numpy as np

    values = np.asarray(logprobs, dtype=np.float64).ravel()
    if np.isnan(values).any() or (values > 1e-6).any():
        raise DataError("log-probabilities are at most 0 and never nan; give natural logarithms, not losses")
    return float(-values.mean()) if values.size else nan


def perplexity(nll: float) -> float:
    """Perplexity of a mean negative log-likelihood in nats; infinite where it exceeds what a float holds."""
    try:
        return exp(nll)
    except OverflowError:
        return float("inf")


def _form(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)
