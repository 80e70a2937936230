"""Messages, their packing, the wire log, and who sees what of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.wire.coalition import SERVER, SUM, Coalition
    from harness.wire.log import LoggedFrame, WireLog
    from harness.wire.message import Kind, Message, Value, decode, encode
    from harness.wire.packing import Packed, pack_int8, pack_top_k

__all__ = [
    "SERVER",
    "SUM",
    "Coalition",
    "Kind",
    "LoggedFrame",
    "Message",
    "Packed",
    "Value",
    "WireLog",
    "decode",
    "encode",
    "pack_int8",
    "pack_top_k",
]

_ROOMS = {
    "harness.wire.coalition": "SERVER SUM Coalition",
    "harness.wire.log": "LoggedFrame WireLog",
    "harness.wire.message": "Kind Message Value decode encode",
    "harness.wire.packing": "Packed pack_int8 pack_top_k",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
