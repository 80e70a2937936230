"""JSON within bounds, and texts that are safe to print."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.util.untrusted import MAX_DEPTH, one_line, parse_json, plain_text

BAD = {
    "no UTF-8": b"\xff\xfe",
    "no JSON": b"{",
    "a recursion bomb": b"[" * 100_000,
    "a closed recursion bomb": b"[" * 100_000 + b"]" * 100_000,
    "depth within the parser's own limit": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "depth in objects": b'{"a":' * 100 + b"1" + b"}" * 100,
    "NaN": b"[NaN]",
    "infinity": b"[-Infinity]",
    "a number beyond floats": b"[1e999]",
    "a huge whole number": b"9" * 5000,
    "a number beyond 64 bits": str(2**63).encode(),
    "a lone surrogate": b'["\\ud800"]',
    "a lone surrogate in a key": b'{"\\udfff": 1}',
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_json_within_bounds_is_a_value_error(case: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_json(BAD[case])


def test_json_within_bounds_is_read_as_it_is() -> None:
    deep: object = ["é", 1.5, -(2**63), 2**63 - 1, True, None]
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    for value in (deep, {"a": {"ü": []}}, 3, "x"):
        assert parse_json(json.dumps(value).encode()) == value


@given(st.text())
def test_a_reason_is_one_short_printable_line(text: str) -> None:
    line = one_line(text, 40)
    assert 0 < len(line) <= 40
    assert line.isprintable()
    assert plain_text(line) == line
    line.encode()
