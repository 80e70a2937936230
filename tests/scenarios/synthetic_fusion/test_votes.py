"""Votes and the texts of most of them, against slow definitions and closed forms."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from attacks.toolkit.voting import vote_vectors
from harness.errors import DataError
from scenarios.synthetic_fusion.votes import allotted, best_of_each, halving, histogram, vote_norm


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("ranks", [1, 3, 8])
def test_histogram_is_a_sum_of_votes(ranks: int, farthest: bool) -> None:
    rng = np.random.default_rng(ranks)
    records, texts = rng.normal(size=(9, 5)), rng.normal(size=(12, 5))
    owners, labels = ["ab"[i % 2] for i in range(9)], ["ab"[i % 2] for i in range(12)]
    slow = np.zeros(12)
    for x, mark in zip(records, owners, strict=True):
        same = [j for j in range(12) if labels[j] == mark]
        same.sort(key=lambda j: float(((texts[j] - x) ** 2).sum()), reverse=farthest)
        for rank, j in enumerate(same[:ranks]):
            slow[j] += 0.5**rank
    found = histogram(records, owners, texts, labels, halving(ranks), farthest=farthest)
    assert np.allclose(found, slow)
    # What an attacker recomputes record by record is the same thing.
    assert np.allclose(
        found, vote_vectors(records, texts, halving(ranks), classes=(owners, labels), farthest=farthest).sum(0)
    )


def test_adding_a_record_moves_a_histogram_by_the_norm() -> None:
    rng = np.random.default_rng(0)
    records, texts = rng.normal(size=(6, 5)), rng.normal(size=(20, 5))
    labels = ["a"] * 20
    shift = histogram(records, ["a"] * 6, texts, labels, halving(8)) - histogram(
        records[1:], ["a"] * 5, texts, labels, halving(8)
    )
    assert np.linalg.norm(shift) == pytest.approx(vote_norm(halving(8)))
    assert vote_norm(halving(1)) == 1
    assert sqrt(2) * vote_norm(halving(8)) == pytest.approx(1.633, abs=1e-3)


def test_no_records_no_votes() -> None:
    assert histogram(np.zeros((0, 5)), [], np.ones((3, 5)), ["a"] * 3, (1.0,)).tolist() == [0, 0, 0]
    with pytest.raises(DataError):
        halving(0)


def test_best_of_each_class_with_ties_by_row() -> None:
    votes = np.array([1.0, 5.0, 5.0, 0.0, 2.0, 2.0])
    labels = ["a", "b", "a", "a", "b", "b"]
    assert [list(rows) for rows in best_of_each(votes, labels, ["a", "b", "z"], 2)] == [[2, 0], [1, 4], []]


def test_allotment_sums_and_is_near() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        shares = rng.dirichlet(np.ones(4))
        counts = allotted(shares, 37)
        assert sum(counts) == 37
        assert np.abs(np.array(counts) - shares * 37).max() < 1
