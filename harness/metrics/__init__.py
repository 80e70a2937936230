"""Plain metric functions; each takes one record (or one list of scores) and returns a number, nan if undefined.

The wrappers for the ``evaluate`` library are in :mod:`harness.metrics.adapters`.
"""

from harness.metrics.membership import auc, balanced_accuracy, roc, tpr_at_fpr
from harness.metrics.pii import pii_span_recall, span_token_ranges
from harness.metrics.recovery import (
    content_token_accuracy,
    exact_match,
    frequent_tokens,
    next_token_agreement,
    token_accuracy,
    token_f1,
)
from harness.metrics.text import mean_nll, perplexity, rouge_l, same_text

__all__ = [
    "auc",
    "balanced_accuracy",
    "content_token_accuracy",
    "exact_match",
    "frequent_tokens",
    "mean_nll",
    "next_token_agreement",
    "perplexity",
    "pii_span_recall",
    "roc",
    "rouge_l",
    "same_text",
    "span_token_ranges",
    "token_accuracy",
    "token_f1",
    "tpr_at_fpr",
]
