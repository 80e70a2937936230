"""Suppression of the prototypes of small classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness import Defense, Item, Kind, Message, PublicSide


class NoSmallClasses(Defense):
    """Sends no prototype of fewer than ``least`` training records."""

    def __init__(self, least: int) -> None:
        self.least = least

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        """Count the party's own records by class."""
        counts = Counter(record.label for record in records)
        names = public.settings["labels"]
        self.large = {number for number, name in enumerate(names) if counts[name] >= self.least}

    def send(self, message: Message) -> Message:
        """The message without the rows of small classes."""
        if message.kind is not Kind.PROTOTYPE:
            return message
        rows = [row for row, number in enumerate(message["classes"]) if number in self.large]
        fewer = {name: tensor[rows] for name, tensor in message.tensors().items()}
        return message.replace(classes=[message["classes"][row] for row in rows], **fewer)
