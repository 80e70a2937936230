"""Settings of synthetic_fusion that are wrong or contradict each other."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from scenarios.synthetic_fusion.settings import Settings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "fusegen", "aggregation": "sum"}, "cannot be summed"),
        ({"method": "wasp", "clients": 2}, "give 3 or more"),
        ({"method": "wasp", "records": 20, "canaries": 20}, "records"),
        ({"method": "fusegen", "repeats": 2}, "repeats"),
        ({"method": "wasp", "auxiliary": 10}, "fewer than"),
        ({"method": "nothing"}, "method"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], sentence: str) -> None:
    base = {"data": "sms_spam", "prefixes": {"ham": "Friend:", "spam": "Spam:"}}
    with pytest.raises(SuiteError, match=sentence):
        Settings.read("entry", {**base, **changes})
