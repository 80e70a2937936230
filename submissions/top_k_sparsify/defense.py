"""Send only the largest coordinates of every vector."""

from __future__ import annotations

from harness import Defense, Message, pack_top_k


class TopKSparsify(Defense):
    """Keeps the given ``share`` of coordinates, those of largest magnitude; the others arrive as zero."""

    def __init__(self, share: float) -> None:
        self.share = share

    def send(self, message: Message) -> Message:
        kept = {name: pack_top_k(x, max(1, round(self.share * x.shape[-1]))) for name, x in message.tensors().items()}
        return message.replace(**kept)
