"""Settings of logit_kd that contradict each other."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from scenarios.logit_kd.settings import Settings


def test_impossible_settings_are_all_named() -> None:
    with pytest.raises(SuiteError, match=r"clients: 2.*auxiliary: 1 .*models: .*edges: 2"):
        Settings.read("e", {"data": "x", "clients": 2, "auxiliary": 1, "method": "fedhkt"})
