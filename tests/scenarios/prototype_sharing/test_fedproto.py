"""Class means and their aggregation, against slow definitions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DefenseError
from harness.wire.message import Kind, Message
from scenarios.prototype_sharing.fedproto import Prototypes, averaged, class_means, nearest, read


def rng(seed: int = 0) -> Any:
    return torch.Generator().manual_seed(seed)


def data(seed: int, n: int, d: int = 5, classes: int = 4) -> Any:
    return torch.randn(n, d, generator=rng(seed)), torch.randint(classes, (n,), generator=rng(seed + 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40))
def test_class_means_are_means_over_each_class(seed: int, n: int) -> None:
    x, y = data(seed, n)
    own = class_means(x, y)
    assert own.counts is not None
    assert own.classes == sorted(set(y.tolist()))
    for name, mean, count in zip(own.classes, own.means, own.counts, strict=True):
        assert torch.allclose(mean, x[y == name].mean(0), atol=1e-6) and count == (y == name).sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(2, 40), st.integers(2, 5))
def test_weighted_average_is_the_mean_of_all_records(seed: int, n: int, parties: int) -> None:
    """FedProto's equation 6: weighting by counts undoes the division, however records were split."""
    x, y = data(seed, n)
    home = torch.randint(parties, (n,), generator=rng(seed + 2))
    uploads = [class_means(x[home == k], y[home == k]) for k in range(parties) if (home == k).any()]
    whole, made = class_means(x, y), averaged(uploads, True, 5)
    assert made.classes == whole.classes
    assert torch.allclose(made.means, whole.means, atol=1e-5)


def test_unweighted_average_counts_every_sender_once() -> None:
    one = Prototypes([0, 2], torch.tensor([[1.0], [5.0]]), torch.tensor([9.0, 1.0]))
    two = Prototypes([0], torch.tensor([[3.0]]), torch.tensor([1.0]))
    assert averaged([one, two], False, 1).means.tolist() == [[2.0], [5.0]]
    assert averaged([one, two], True, 1).means[0, 0] == pytest.approx(1.2)


def test_noisy_counts_below_zero_have_no_weight() -> None:
    one = Prototypes([0], torch.tensor([[1.0]]), torch.tensor([-2.0]))
    two = Prototypes([0], torch.tensor([[3.0]]), torch.tensor([0.5]))
    assert averaged([one, two], True, 1).means.tolist() == [[3.0]]
    assert averaged([one], True, 1).means.tolist() == [[1.0]]
    assert averaged([], True, 7).means.shape == (0, 7)


def test_nearest_is_by_euclidean_distance() -> None:
    shared = Prototypes([3, 1], torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
    assert nearest(torch.tensor([[0.9, 9.0], [1.1, -9.0]]), shared) == [3, 1]
    assert nearest(torch.zeros(2, 2), Prototypes([], torch.zeros(0, 2))) == [0, 0]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"classes": [0, 1], "means": torch.zeros(1, 3)}, r"means of shape \[1, 3\], not \[k, 3\]"),
        ({"classes": [0, 9], "means": torch.zeros(2, 3)}, "outside the label set"),
        ({"classes": [1, 1], "means": torch.zeros(2, 3)}, "a class twice"),
        ({"classes": [1], "means": torch.zeros(1, 3), "counts": torch.zeros(2)}, r"counts of shape \[2\]"),
    ],
)
def test_malformed_uploads_are_refused(payload: Any, problem: str) -> None:
    with pytest.raises(DefenseError, match=problem):
        read(Message(Kind.PROTOTYPE, payload), 4, 3)
