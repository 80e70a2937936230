"""Splits are disjoint, deterministic, and hold the labels they promise."""

from __future__ import annotations

from collections import Counter
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import SPLITS, Splits, assert_disjoint, draw, make
from harness.data.quota import equal, proportional
from harness.errors import DataError

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 30), min_size=1)


def pool(n: int = 300, share: float = 0.2, groups: int = 12) -> Any:
    labels = ["spam" if index < n * share else "ham" for index in range(n)]
    return [make(f"text {i} of many", label=label, group=f"g{i % groups}") for i, label in enumerate(labels)]


def rng(seed: int = 0) -> Any:
    return np.random.default_rng(seed)


def labels(part: Any) -> Counter[str | None]:
    return Counter(record.label for record in part)


SIZES = {"private": 60, "auxiliary": 100, "public": 20, "known": 10, "test": 50}


def test_sizes_balance_and_shares() -> None:
    splits = draw(pool(), SIZES, rng())
    assert {name: len(getattr(splits, name)) for name in SPLITS} == SIZES
    assert labels(splits.private) == {"spam": 30, "ham": 30}
    left = {"spam": 60 - 30, "ham": 240 - 30}
    assert abs(labels(splits.auxiliary)["spam"] - 100 * left["spam"] / sum(left.values())) < 1


@given(st.permutations(range(60)), st.integers(0, 5))
def test_the_order_of_the_pool_and_repeats_change_nothing(order: Any, seed: int) -> None:
    base = pool(60)
    shuffled = [base[index] for index in order] + base[:7]
    sizes = {"private": 10, "test": 10}
    assert draw(base, sizes, rng(seed)) == draw(shuffled, sizes, rng(seed))


def test_seeds_differ_and_every_record_has_its_chance() -> None:
    assert draw(pool(), SIZES, rng(0)) != draw(pool(), SIZES, rng(1))
    drawn = Counter(
        record.id for seed in range(200) for record in draw(pool(20, 0.5), {"private": 10}, rng(seed)).private
    )
    assert len(drawn) == 20 and min(drawn.values()) > 60  # 100 expected, standard deviation 7


def test_the_order_within_a_split_tells_nothing_of_the_label() -> None:
    halves = Counter[str | None]()
    for seed in range(100):
        private = draw(pool(), {"private": 60}, rng(seed)).private
        halves["spam first"] += labels(private[:30])["spam"]
    assert abs(halves["spam first"] - 1500) < 4 * (100 * 30 / 4 * 30 / 59) ** 0.5  # hypergeometric, 4 deviations


def test_without_balance_private_keeps_the_shares() -> None:
    assert labels(draw(pool(), SIZES, rng(), balance=False).private) == {"spam": 12, "ham": 48}
    plain = draw(pool(), SIZES, rng(), balance=False, stratify=False)
    assert len(plain.private) == 60


def test_texts_without_labels_are_drawn_at_random() -> None:
    splits = draw([make(f"text {index}") for index in range(50)], {"private": 20, "test": 30}, rng())
    assert len(splits.private) == 20 and len(splits.test) == 30


def test_a_group_is_the_deployment_and_the_rest_is_elsewhere() -> None:
    splits = draw(pool(), {"private": 4, "known": 3, "test": 3, "auxiliary": 100, "public": 20}, rng(), group="g3")
    assert {record.group for record in splits.private + splits.known + splits.test} == {"g3"}
    assert "g3" not in {record.group for record in splits.auxiliary + splits.public}


def test_groups_can_be_kept_apart() -> None:
    splits = draw(pool(), {"private": 30, "auxiliary": 60, "test": 30}, rng(), disjoint_groups=True)
    groups = [{record.group for record in getattr(splits, name)} for name in ("private", "auxiliary", "test")]
    assert all(groups) and sum(map(len, groups)) == len(set.union(*groups))


def test_too_few_records_are_counted_for_every_split() -> None:
    with pytest.raises(DataError, match=r"300 distinct.*private needs 100 of label spam, 60 are left"):
        draw(pool(), {"private": 200}, rng())
    with pytest.raises(DataError, match=r"auxiliary needs 400 of label any.*test needs 500"):
        draw(pool(), {"auxiliary": 400, "test": 500}, rng())


def test_wrong_requests_are_named_together() -> None:
    with pytest.raises(DataError, match=r"unknown split 'train'.*public is -1.*no record is of group 'x'"):
        draw(pool(), {"train": 5, "public": -1}, rng(), group="x")
    with pytest.raises(DataError, match="all have a group"):
        draw([make("a")], {"private": 1}, rng(), disjoint_groups=True)


def test_near_copies_across_splits_are_seen() -> None:
    one, copy = make("My name is Anna"), make("my name  is ANNA")
    with pytest.raises(DataError, match=r"private and test share 1 records.*(?i:my name)"):
        assert_disjoint(Splits(private=(one,), test=(copy,)))
    with pytest.raises(DataError, match="auxiliary holds 1 records twice"):
        assert_disjoint(Splits(auxiliary=(one, copy)))


@given(COUNTS, st.integers(0, 60))
def test_proportional_quotas_are_the_rounded_shares(counts: Any, size: int) -> None:
    total = sum(counts.values())
    size = min(size, total)
    quotas = proportional(counts, size) if total else {}
    assert sum(quotas.values()) == size
    for label, quota in quotas.items():
        share = size * counts[label] / total
        assert floor(share) <= quota <= ceil(share) and quota <= counts[label]


@given(COUNTS, st.integers(0, 60))
def test_equal_quotas_differ_by_one_at_most(counts: Any, size: int) -> None:
    quotas = equal(counts, size).values()
    assert sum(quotas) == size and max(quotas) - min(quotas) <= 1
