"""Answers softened by a temperature."""

from __future__ import annotations

from harness import Defense, Kind, Message


class LogitTemperature(Defense):
    """Log-probabilities of the logits over ``temperature``; the consensus is scaled back before it is learned."""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.LOGITS:
            return message
        return message.replace(logits=(message["logits"] / self.temperature).log_softmax(-1))

    def receive(self, message: Message) -> Message:
        if message.kind is not Kind.LOGITS:
            return message
        return message.replace(logits=message["logits"] * self.temperature)
