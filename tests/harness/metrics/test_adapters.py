"""The real evaluate library, cut off from the network, computes what the plain functions do."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UnknownName
from harness.metrics import pii_span_recall, token_accuracy
from harness.metrics.adapters import NAMES, metric

TRUTHS = [[0, 5, 6, 7], [0, 8, 9], [0]]
GUESSES = [[0, 5, 6, 1], [0, 8, 9], [0]]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """No sockets, and a cache folder that must stay empty."""
    import evaluate

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a metric reached for the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", str(cache))
    yield
    assert list(Path(cache).iterdir()) == []


def test_per_record_values_and_their_mean() -> None:
    result = metric("token_accuracy").compute(predictions=GUESSES, references=TRUTHS, special_ids=[0])
    expected = [token_accuracy(guess, truth, [0]) for guess, truth in zip(GUESSES, TRUTHS, strict=True)]
    values = result["token_accuracy_per_record"]
    assert values[:2] == expected[:2] and isnan(values[2]) and isnan(expected[2])
    assert result["token_accuracy"] == pytest.approx((2 / 3 + 1) / 2)


def test_spans_are_a_column_of_their_own() -> None:
    ranges: list[list[Any]] = [[[1, 3], [3, 4]], [[1, 3]], []]
    result = metric("pii_span_recall").compute(predictions=GUESSES, references=TRUTHS, spans_token_ranges=ranges)
    assert result["pii_span_recall_per_record"][0] == pii_span_recall(GUESSES[0], TRUTHS[0], ranges[0]) == 0.5
    assert result["pii_span_recall"] == 0.75


def test_batches_add_up() -> None:
    module = metric("auc")
    module.add_batch(predictions=[0.9, 0.1], references=[1, 0])
    module.add_batch(predictions=[0.5, 0.5], references=[1, 0])
    assert module.compute() == {"auc": 0.875}
    assert metric("tpr_at_fpr").compute(predictions=[0.9, 0.1], references=[1, 0], alpha=0.0) == {"tpr_at_fpr": 1.0}


def test_combined_with_one_another() -> None:
    import evaluate

    both = evaluate.combine([metric("auc"), metric("tpr_at_fpr")])
    result = both.compute(predictions=[0.9, 0.1], references=[1, 0], alpha=0.1)
    assert result == {"auc": 1.0, "tpr_at_fpr": 1.0}  # alpha is the second one's alone
    with pytest.raises(TypeError, match="no metric here takes alfa"):
        metric("auc").compute(predictions=[0.9, 0.1], references=[1, 0], alfa=0.1)


INPUTS: dict[str, dict[str, Any]] = {
    "content_token_accuracy": {"predictions": GUESSES, "references": TRUTHS, "special_ids": [0], "frequent_ids": [7]},
    "exact_match": {"predictions": GUESSES, "references": TRUTHS},
    "next_token_agreement": {"predictions": GUESSES, "references": TRUTHS},
    "token_f1": {"predictions": [[1, 2, 3], [4]], "references": [[3, 1, 5, 6, 7], [5]]},
    "rouge_l": {"predictions": ["anna paid"], "references": ["anna paid"]},
    "mean_nll": {"predictions": [[-1.0, -3.0], [-2.0]]},
    "balanced_accuracy": {"predictions": ["a", "b", "a"], "references": ["a", "b", "b"]},
}
VALUES = {"content_token_accuracy": 1.0, "exact_match": 2 / 3, "next_token_agreement": (0.75 + 1 + 1) / 3}
VALUES |= {"token_f1": 0.25, "rouge_l": 1.0, "mean_nll": 2.0, "balanced_accuracy": 0.75}


@pytest.mark.parametrize("name", INPUTS)
def test_every_other_metric_runs(name: str) -> None:
    assert metric(name).compute(**INPUTS[name])[name] == pytest.approx(VALUES[name])


def test_all_names_are_covered_and_a_wrong_one_is_helped() -> None:
    assert set(INPUTS) | {"token_accuracy", "pii_span_recall", "auc", "tpr_at_fpr"} == set(NAMES)
    with pytest.raises(UnknownName, match="token_accuracy"):
        metric("token_acuracy")
