"""Settings of populations: every contradiction is named."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from scenarios.common.settings import PopulationSettings


def test_contradictions_are_all_named() -> None:
    with pytest.raises(SuiteError, match=r"clients: 2; .*; records: 8 leave 4 beside .*; auxiliary: 3 are fewer"):
        PopulationSettings.read("e", {"clients": 2, "records": 8, "canaries": 4, "auxiliary": 3})
