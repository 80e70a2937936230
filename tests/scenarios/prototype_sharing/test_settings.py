"""Settings of prototype_sharing that are wrong or contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SuiteError
from tests.stand_ins.toy_prototypes import settings


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"clients": 1}, "clients: 1; sharing needs 2"),
        ({"method": "fedavg"}, "method: Input should be 'fedproto' or 'fedtgp'"),
        ({"canaries": 40, "average": 10}, "leave 10 beside the membership candidates"),
        ({"auxiliary": 20}, "auxiliary: 20 are fewer than the 60 records of a shadow run"),
        ({"clients": 2, "auxiliary": 20}, "clients.*; auxiliary"),
    ],
)
def test_bad_settings_are_named_all_at_once(toy_folder: Path, changes: dict[str, object], problem: str) -> None:
    with pytest.raises(SuiteError, match=problem):
        settings(toy_folder, **changes)
