"""The contract of message kinds: what it refuses, in readable sentences, and that it says something of every kind."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.errors import DefenseError, ProtocolError
from harness.protocol.channel import Channel
from harness.wire.kinds import CONTRACTS, payload_problems
from harness.wire.message import Kind, Message, Value, encode
from harness.wire.packing import pack_int8

LOGITS: dict[str, Value] = {"logits": torch.zeros(3, 2), "index": [0, 1, 2]}
TEXTS: dict[str, Any] = {"texts": ["a", "b"], "labels": [0, 1]}


def test_every_kind_has_a_contract() -> None:
    assert set(CONTRACTS) == set(Kind)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.LOGITS, LOGITS),
        (Kind.LOGITS, {"scores": torch.zeros(4)}),
        (Kind.LOGITS, {"logits": torch.zeros(3, 2), "queries": ["one more"]}),
        (Kind.HIDDEN, {"hidden": pack_int8(torch.ones(3, 4))}),
        (Kind.PROTOTYPE, {"means": torch.zeros(0, 4), "classes": [], "counts": torch.zeros(0)}),
        (Kind.SYNTHETIC_TEXT, {"texts": [], "labels": []}),
        (Kind.SYNTHETIC_TEXT, {"texts": ["a"], "labels": ["spam"]}),
        (Kind.PARAMETERS, {"weight": torch.zeros(2, 2), "more": True}),
        (Kind.CONTROL, {"anything": "goes"}),
        (Kind.SCALAR, {"loss": 0.5}),
        (Kind.GRADIENT, {"head.weight": torch.zeros(2)}),
    ],
)
def test_sound_payloads_pass(kind: Kind, payload: dict[str, Any]) -> None:
    assert payload_problems(Message(kind, payload)) == []


@pytest.mark.parametrize(
    ("kind", "payload", "problem"),
    [
        (Kind.LOGITS, {**LOGITS, "hint": 1}, "field 'hint' is unknown; a LOGITS has 'logits', 'index'"),
        (Kind.LOGITS, {"logits": torch.zeros(3, 2, dtype=torch.int64)}, "'logits' is a tensor [3, 2] of int64, not a"),
        (
            Kind.LOGITS,
            {"logits": torch.zeros(6)},
            "field 'logits' has shape [6], not a tensor of floating-point numbers",
        ),
        (Kind.LOGITS, {**LOGITS, "index": [0]}, "field 'index' has n = 1, but 'logits' has n = 3"),
        (Kind.LOGITS, {"index": [0]}, "one of the fields 'logits', 'scores' must be there"),
        (Kind.HIDDEN, {}, "field 'hidden' is missing (a tensor of floating-point numbers [n, d])"),
        (
            Kind.SYNTHETIC_TEXT,
            {**TEXTS, "labels": [0.5, 1.5]},
            "field 'labels' is a list of float, not a list of class",
        ),
        (Kind.SYNTHETIC_TEXT, {**TEXTS, "texts": [1, 2]}, "field 'texts' is a list of int, not a list of texts"),
        (Kind.VOTE, {"votes": "many"}, "field 'votes' is of type str, not a tensor"),
        (Kind.SCALAR, {"loss": "low"}, "field 'loss' is of type str, not a number"),
    ],
)
def test_what_breaks_the_contract_is_said(kind: Kind, payload: dict[str, Any], problem: str) -> None:
    [sentence] = payload_problems(Message(kind, payload))
    assert problem in sentence


def test_all_problems_are_named_at_once() -> None:
    problems = payload_problems(Message(Kind.PROTOTYPE, {"classes": [0, 1], "counts": torch.ones(3), "odd": 1}))
    assert len(problems) == 3


class Silent:
    """A transport of one party that says one thing, and nothing more."""

    def __init__(self, message: Message) -> None:
        self.said = [encode(message)]

    def step(self, party: str, frame: bytes | None) -> bytes | None:
        return self.said.pop() if self.said else None


def test_the_channel_refuses_either_side() -> None:
    sound, broken = Message(Kind.LOGITS, LOGITS), Message(Kind.LOGITS, {"logits": torch.zeros(3, 2), "index": [0]})
    with pytest.raises(
        DefenseError, match="message LOGITS from a to server in round 0 breaks the contract of its kind"
    ):
        Channel(Silent(broken), ("a",))  # type: ignore[arg-type]  # no more of a transport is asked for
    channel = Channel(Silent(sound), ("a",))  # type: ignore[arg-type]  # likewise
    with pytest.raises(ProtocolError, match="'index' has n = 1, but 'logits' has n = 3"):
        channel.answer("a", broken)
    with pytest.raises(ProtocolError, match="from edge to server"):
        channel.relay("edge", "server", broken)
    channel.answer("a", sound)
    assert len(channel.log.entries) == 2
