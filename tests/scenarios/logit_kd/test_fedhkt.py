"""FedHKT-style weights and selection against their slow definitions."""

from __future__ import annotations

import math

import pytest
import torch

from scenarios.logit_kd.fedhkt import by_class, by_confidence, selected


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(1))


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(v) for v in row]
    return [p / sum(powers) for p in powers]


def test_class_weights_are_the_mean_confidence_of_texts_given_that_class(logits: torch.Tensor) -> None:
    edges, texts, classes = logits.shape
    score = [[0.0] * classes for _ in range(edges)]
    for e in range(edges):
        for c in range(classes):
            rows = [softmax(logits[e, i].tolist()) for i in range(texts)]
            sure = [max(row) for row in rows if row.index(max(row)) == c]
            score[e][c] = sum(sure) / len(sure) if sure else 0.0
    made = by_class(logits)
    for i in range(texts):
        for c in range(classes):
            weights = softmax([score[e][c] for e in range(edges)])
            wanted = sum(weights[e] * float(logits[e, i, c]) for e in range(edges))
            assert float(made[i, c]) == pytest.approx(wanted, abs=1e-5)


def test_confidence_weights_are_the_softmax_of_minus_entropy(logits: torch.Tensor) -> None:
    edges, texts, classes = logits.shape
    made = by_confidence(logits, 0.5)
    for i in range(texts):
        rows = [softmax(logits[e, i].tolist()) for e in range(edges)]
        entropy = [-sum(p * math.log(p) for p in row) for row in rows]
        weights = softmax([-h / 0.5 for h in entropy])
        for c in range(classes):
            wanted = sum(weights[e] * float(logits[e, i, c]) for e in range(edges))
            assert float(made[i, c]) == pytest.approx(wanted, abs=1e-5)


def test_equal_edges_change_nothing(logits: torch.Tensor) -> None:
    same = logits[:1].expand(3, -1, -1)
    torch.testing.assert_close(by_class(same), logits[0])
    torch.testing.assert_close(by_confidence(same, 1.0), logits[0])


def test_selection_wants_confidence_and_no_sure_contradiction() -> None:
    sure, unsure = [4.0, 0.0], [0.1, 0.0]
    ensemble = torch.tensor([sure, sure, sure, unsure])
    server = torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 0.1], [5.0, 0.0]])
    assert selected(ensemble, server, 0.8).tolist() == [True, False, True, False]
