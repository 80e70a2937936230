"""A plugin package outside the checkout's folders: tables alone, so that listing imports nothing heavy."""

from __future__ import annotations

ATTACKS = {
    "count_shares": "outside_plugin.count_shares:CountShares",
    "equal_shares": "outside_plugin.count_shares:EqualShares",
}
SCENARIOS = {"shared_counts": "outside_plugin.shared_counts:SHARED_COUNTS"}
