"""Round every row of a gradient to 8 bits."""

from __future__ import annotations

from harness import Defense, Message, pack_int8


class GradientInt8(Defense):
    """One scale for each row, 255 levels; a compression that is sometimes sold as protection."""

    def send(self, message: Message) -> Message:
        return message.replace(**{name: pack_int8(x.float()) for name, x in message.tensors().items()})
