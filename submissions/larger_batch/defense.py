"""Larger batches, in which every text has a smaller share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import Defense, Item


class LargerBatch(Defense):
    """``times`` the planned batch size, as far as there are records."""

    def __init__(self, times: int) -> None:
        self.times = times

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        labelled = sum(record.label is not None for record in records)
        batches = max(1, labelled // settings["batches"])
        settings["batch_size"] = max(settings["batch_size"], min(self.times * settings["batch_size"], batches))
        return records
