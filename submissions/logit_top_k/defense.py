"""Answers cut down to their largest classes."""

from __future__ import annotations

from harness import Defense, Kind, Message


class LogitTopK(Defense):
    """Log-probabilities of the ``k`` largest classes; the others share what is left equally."""

    def __init__(self, k: int) -> None:
        self.k = k

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.LOGITS:
            return message
        logits = message["logits"].log_softmax(-1)
        classes = logits.shape[-1]
        if self.k >= classes:
            return message.replace(logits=logits)
        largest = logits >= logits.topk(self.k, dim=-1).values[..., -1:]
        left = logits.exp().masked_fill(largest, 0).sum(-1, keepdim=True).clamp_min(1e-9)
        rest = (left / (~largest).sum(-1, keepdim=True).clamp_min(1)).log()
        return message.replace(logits=logits.where(largest, rest))
