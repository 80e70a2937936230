"""Numbers as texts: they align, and missing ones read n/a."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.export.tables import numbers


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32)), st.integers(1, 6))
def test_many_numbers_read_as_each_does(values: list[float], digits: int) -> None:
    assert numbers.decimals(values, digits) == [numbers.decimal(value, digits) for value in values]


@given(st.floats(-1e6, 1e6), st.integers(1, 6))
def test_decimals_align_and_have_no_negative_zero(value: float, digits: int) -> None:
    text = numbers.decimal(value, digits)
    assert len(text.partition(".")[2]) == digits
    assert float(text) == pytest.approx(value, abs=0.51 * 10**-digits)
    assert not (text.startswith("-") and float(text) == 0)


def test_missing_numbers() -> None:
    assert numbers.decimal(None, 2) == numbers.decimal(math.nan, 2) == numbers.decimal(math.inf, 2) == "n/a"
    assert numbers.intervals([0.1, math.nan], [0.2, 0.3], 1) == [("0.1", "0.2"), None]
    assert numbers.whole([3, None, 2.0]) == ["3", "n/a", "2"]
    assert numbers.p_value([0.0001, 0.25, math.nan]) == ["< 0.001", "0.250", "n/a"]


def test_prefixes() -> None:
    assert numbers.prefixed([2.5e9, 1e8, math.nan]) == (["2.5", "0.1", "n/a"], "G")
    assert numbers.prefixed([12.0]) == (["12.0"], "")
    assert numbers.prefixed([]) == ([], "")
