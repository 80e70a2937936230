"""Rows that a worker sends as JSON: exact where they are sound, refused where they are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.lm_eval.rows import pack_rows, unpack_rows


def test_rows_come_back_bit_by_bit() -> None:
    rows = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unpack_rows(pack_rows(rows), 8), rows)
    assert unpack_rows(pack_rows(torch.empty(0, 8)), 8).shape == (0, 8)


@pytest.mark.parametrize(
    "packed",
    [
        None,
        7,
        "rows",
        {},
        {"shape": [2, 8]},
        {"shape": [2], "data": ""},
        {"shape": [2, 8], "data": "not base64!"},
        {"shape": [2, 8], "data": "AAAA"},
        {"shape": [-1, 8], "data": ""},
        {"shape": [2.0, 8], "data": ""},
        {"shape": ["2", 8], "data": ""},
        {**pack_rows(torch.zeros(2, 8)), "shape": [4, 4]},
        pack_rows(torch.full((1, 8), float("nan"))),
        pack_rows(torch.full((1, 8), float("inf"))),
    ],
)
def test_everything_else_is_refused(packed: Any) -> None:
    with pytest.raises(ValueError, match="packed rows"):
        unpack_rows(packed, 8)
