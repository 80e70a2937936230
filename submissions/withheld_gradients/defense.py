"""Zeros in place of gradients in all rounds but the first ones."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Defense, Item, Kind, Message, PublicSide


class WithheldGradients(Defense):
    """Gradients leave in the first ``share`` of the rounds; after that the model party's blocks stay as they are, and
    the party trains its own tail alone.
    """

    def __init__(self, share: float) -> None:
        self.share = share

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.last = round(self.share * len(public.settings.get("batches", ())))

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.GRADIENT or message.round < self.last:
            return message
        return message.replace(**{name: self.me.constant(x) for name, x in message.tensors().items()})
