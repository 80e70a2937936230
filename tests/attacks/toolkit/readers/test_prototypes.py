from __future__ import annotations

import torch

from attacks.toolkit.readers.prototypes import prototypes
from harness.attack import SeenMessage
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message


def test_messages_may_be_dense_and_named_by_position() -> None:
    means = torch.eye(3)
    dense = Message(Kind.PROTOTYPE, {"means": means, "counts": torch.tensor([2, 0, 1])})
    named = Message(Kind.PROTOTYPE, {"means": means[:1], "classes": [2]})
    seen = [SeenMessage("a", SERVER, dense), SeenMessage(SERVER, "a", named), SeenMessage(SERVER, "b", named)]
    read = [(p.party, p.label, p.count) for p in prototypes(seen, ("x", "y", "z"))]
    assert read == [("a", "x", 2.0), ("a", "z", 1.0), (SERVER, "z", None)]
