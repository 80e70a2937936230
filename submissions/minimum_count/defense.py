"""Send no prototype of a class that has too few records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness import Defense, Item, Kind, Message, PublicSide


class MinimumCount(Defense):
    """Leaves out classes of fewer than ``least`` training records; the prototype of one record is its embedding."""

    def __init__(self, least: int) -> None:
        self.least = least

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        counts = Counter(record.label for record in records if record.label is not None)
        self.kept = {number for number, name in enumerate(public.settings["labels"]) if counts[name] >= self.least}

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.PROTOTYPE:
            return message
        rows = [row for row, name in enumerate(message["classes"]) if name in self.kept]
        kept: dict[str, Any] = {name: tensor[rows] for name, tensor in message.tensors().items()}
        return message.replace(classes=[message["classes"][row] for row in rows], **kept)
