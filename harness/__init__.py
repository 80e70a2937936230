"""leakboard: the trusted core. Submissions need these names and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.defense import DPSGD, Defense, Item, PublicSide
    from harness.wire.message import Kind, Message
    from harness.wire.packing import pack_int8, pack_top_k

__all__ = ["DPSGD", "Defense", "Item", "Kind", "Message", "PublicSide", "pack_int8", "pack_top_k"]

_HOMES = {
    "DPSGD": "harness.defense",
    "Defense": "harness.defense",
    "Item": "harness.defense",
    "Kind": "harness.wire.message",
    "Message": "harness.wire.message",
    "PublicSide": "harness.defense",
    "pack_int8": "harness.wire.packing",
    "pack_top_k": "harness.wire.packing",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``import harness`` alone must stay light."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
