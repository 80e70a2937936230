"""The trusted core of leakboard. Submissions need these names and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.data.record import Item
    from harness.defense import Defense, PublicSide
    from harness.dp.mechanisms import DPSGD
    from harness.wire.message import Kind, Message
    from harness.wire.packing import pack_int8, pack_top_k

__all__ = ["DPSGD", "Defense", "Item", "Kind", "Message", "PublicSide", "pack_int8", "pack_top_k"]

_ROOMS = {
    "harness.data.record": "Item",
    "harness.defense": "Defense PublicSide",
    "harness.dp.mechanisms": "DPSGD",
    "harness.wire.message": "Kind Message",
    "harness.wire.packing": "pack_int8 pack_top_k",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
