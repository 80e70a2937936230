"""Messages, what each kind of them holds, their packing, the wire log, and who sees what of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.wire.coalition import SERVER, SUM, Coalition
    from harness.wire.facts import (
        EncoderFacts,
        Facts,
        FinetuneFacts,
        GeneratorFacts,
        GradientFacts,
        LogitFacts,
        ModelFacts,
        PopulationFacts,
        PrototypeFacts,
        PublicTextFacts,
        SplitFacts,
        VoteFacts,
    )
    from harness.wire.kinds import CONTRACTS, FieldType, KindContract, PayloadField, payload_problems
    from harness.wire.log import LoggedFrame, WireLog
    from harness.wire.message import Kind, Message, Value, decode, encode
    from harness.wire.packing import Packed, pack_int8, pack_top_k

__all__ = [
    "CONTRACTS",
    "SERVER",
    "SUM",
    "Coalition",
    "EncoderFacts",
    "Facts",
    "FieldType",
    "FinetuneFacts",
    "GeneratorFacts",
    "GradientFacts",
    "Kind",
    "KindContract",
    "LoggedFrame",
    "LogitFacts",
    "Message",
    "ModelFacts",
    "Packed",
    "PayloadField",
    "PopulationFacts",
    "PrototypeFacts",
    "PublicTextFacts",
    "SplitFacts",
    "Value",
    "VoteFacts",
    "WireLog",
    "decode",
    "encode",
    "pack_int8",
    "pack_top_k",
    "payload_problems",
]

_ROOMS = {
    "harness.wire.coalition": "SERVER SUM Coalition",
    "harness.wire.facts": (
        "EncoderFacts Facts FinetuneFacts GeneratorFacts GradientFacts LogitFacts ModelFacts "
        "PopulationFacts PrototypeFacts PublicTextFacts SplitFacts VoteFacts"
    ),
    "harness.wire.kinds": "CONTRACTS FieldType KindContract PayloadField payload_problems",
    "harness.wire.log": "LoggedFrame WireLog",
    "harness.wire.message": "Kind Message Value decode encode",
    "harness.wire.packing": "Packed pack_int8 pack_top_k",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
