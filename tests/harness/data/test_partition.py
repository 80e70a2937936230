"""Divisions among clients: nothing lost, nothing twice, the promised skew, and clear refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.partition import by_dirichlet, by_group, label_counts, label_shares, partition
from harness.data.record import Record, make
from harness.errors import DataError

LABELS = ("a", "b", "c", "d")


def pool(n: int = 200, groups: int = 20) -> list[Record]:
    return [make(f"text {i} of many", label=LABELS[i % 4], group=f"g{i % groups}") for i in range(n)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(2, 8), st.sampled_from(["dirichlet", "group"]), st.floats(0.1, 10))
def test_every_record_has_one_home(seed: int, clients: int, how: str, alpha: float) -> None:
    parts = partition(pool(), clients, rng(seed), how=how, alpha=alpha, least=1)
    assert len(parts) == clients and min(map(len, parts)) >= 1
    assert Counter(r.id for part in parts for r in part) == Counter(r.id for r in pool())
    assert parts == partition(pool()[::-1], clients, rng(seed), how=how, alpha=alpha, least=1)


def test_small_alpha_is_skewed_and_large_alpha_is_even() -> None:
    def skew(alpha: float) -> float:
        parts = by_dirichlet(pool(2000), 5, alpha, rng())
        return float(np.mean([max(label_shares(label_counts(part, LABELS)).values()) for part in parts]))

    assert skew(0.1) > 0.55
    assert skew(1e4) < 0.28


def test_dirichlet_shares_have_the_variance_of_their_law() -> None:
    """A class's share at one client of N has mean 1/N and variance (N - 1) / (N^2 (N alpha + 1))."""
    generator, records = rng(), [make(f"text {i}", label="a") for i in range(1000)]
    shares = [len(by_dirichlet(records, 4, 2.0, generator, least=1)[0]) / 1000 for _ in range(400)]
    assert np.mean(shares) == pytest.approx(0.25, abs=0.02)
    assert np.var(shares) == pytest.approx(3 / (16 * 9), rel=0.25)


def test_groups_stay_whole_and_sizes_are_even() -> None:
    parts = by_group(pool(200, 20), 4, rng())
    homes = [{r.group for r in part} for part in parts]
    assert sum(map(len, homes)) == 20 and {len(part) for part in parts} == {50}


def test_counts_and_shares() -> None:
    counts = label_counts(pool(8)[:5], LABELS)
    assert counts == {"a": 2, "b": 1, "c": 1, "d": 1}
    assert label_shares(counts)["a"] == 0.4
    with pytest.raises(DataError, match="not among the labels"):
        label_counts(pool(8), LABELS[:2])
    with pytest.raises(DataError, match="without records"):
        label_shares(label_counts([], LABELS))


def test_every_problem_is_named_at_once() -> None:
    records = [*pool(4), pool(4)[0]]
    with pytest.raises(DataError, match=r"1 client: sharing.*overlap.*without a single record: \['e'\].*alpha") as e:
        by_dirichlet(records, 1, 0.0, rng(), labels=(*LABELS, "e"))
    assert "'text 0 of many'" in str(e.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: by_dirichlet([make(f"t{i}") for i in range(9)], 2, 1.0, rng()), "no label"),
        (lambda: by_group([make(f"t{i}", label="a") for i in range(9)], 2, rng()), "no group"),
        (lambda: by_group(pool(20, 2), 3, rng()), "2 groups are too few for 3 clients"),
        (lambda: by_group([*pool(20, 2), make("x", label="a", group="h")], 3, rng()), "got 1 records by group"),
        (lambda: by_dirichlet(pool(12), 6, 0.01, rng()), "no draw of Dirichlet"),
        (lambda: by_dirichlet(pool(3), 6, 0.1, rng()), "3 records are too few for 6"),
        (lambda: partition(pool(), 2, rng(), how="film"), "by 'film'"),
    ],
)
def test_refusals(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
