"""What a defense may change about a message, and that every violation is named at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.errors import DefenseError
from harness.protocol.contract import check_outgoing
from harness.wire.message import Kind, Message
from harness.wire.packing import pack_int8

BEFORE = Message(Kind.HIDDEN, {"hidden": torch.ones(3, 4), "count": 3}, session=1, step=2)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace(hidden=torch.zeros(3, 4)),
        BEFORE.replace(hidden=torch.zeros(3, 4, dtype=torch.float16)),
        BEFORE.replace(hidden=pack_int8(torch.ones(3, 4)), count=7),
        replace(BEFORE, state="kept for the answer"),
    ],
)
def test_allowed(after: Message) -> None:
    assert check_outgoing(BEFORE, after) is after


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (None, "NoneType"),
        (BEFORE.replace(hidden=torch.zeros(4, 4)), "shape"),
        (BEFORE.replace(hidden=torch.zeros(3, 4, dtype=torch.int64)), "dtype"),
        (BEFORE.replace(hidden=torch.full((3, 4), float("nan"))), "NaN"),
        (BEFORE.replace(hidden=torch.full((3, 4), float("inf"))), "infinity"),
        (BEFORE.replace(hidden="text"), "must stay a tensor"),
        (BEFORE.replace(extra=torch.zeros(1)), "fields changed"),
        (replace(BEFORE, kind=Kind.LOGITS), "kind changed"),
        (replace(BEFORE, session=5), "must not change"),
        (BEFORE.replace(count="3"), "count changed"),
    ],
)
def test_refused(after: object, words: str) -> None:
    with pytest.raises(DefenseError, match=words):
        check_outgoing(BEFORE, after)


def test_all_problems_are_reported_at_once() -> None:
    bad = replace(BEFORE.replace(hidden=torch.full((2, 4), float("nan"))), kind=Kind.LOGITS)
    with pytest.raises(DefenseError, match=r"session 1, step 2: kind changed.*shape.*NaN"):
        check_outgoing(BEFORE, bad)


def test_rows_of_aggregates_may_vary() -> None:
    before = Message(Kind.PROTOTYPE, {"means": torch.ones(3, 4)})
    check_outgoing(before, before.replace(means=torch.ones(5, 4)))
    with pytest.raises(DefenseError):
        check_outgoing(before, before.replace(means=torch.ones(5, 3)))
