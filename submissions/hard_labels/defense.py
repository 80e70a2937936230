"""Answers reduced to the predicted class."""

from __future__ import annotations

from torch import zeros_like

from harness import Defense, Kind, Message


class HardLabels(Defense):
    """A vote of ``weight`` for the largest class of each row, zero for the others; rows sum to zero."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.LOGITS:
            return message
        logits = message["logits"]
        votes = zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), self.weight)
        return message.replace(logits=votes - self.weight / logits.shape[-1])
