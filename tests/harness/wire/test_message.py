"""The codec: what goes in comes out, byte counts follow the formula, and nothing malformed gets through."""

from __future__ import annotations

import json
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CodecError
from harness.wire.message import Kind, Message, decode, encode
from harness.wire.packing import Packed, pack_int8, pack_top_k

WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.one_of(WORDS, st.integers(-(2**40), 2**40), st.booleans(), st.lists(WORDS, max_size=4))


@given(st.sampled_from(list(Kind)), st.dictionaries(WORDS, VALUES, max_size=4), st.integers(0, 99))
def test_plain_values_survive(kind: Kind, payload: dict[str, object], session: int) -> None:
    message = Message(kind, payload, session, 2, 3)  # type: ignore[arg-type]
    assert decode(encode(message)) == message


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int8])
def test_tensors_survive_bit_for_bit(dtype: torch.dtype) -> None:
    x = (torch.randn(3, 5, generator=torch.Generator().manual_seed(1)) * 50).to(dtype)
    back = decode(encode(Message(Kind.HIDDEN, {"hidden": x, "note": "a"})))
    assert back["hidden"].dtype is dtype
    assert torch.equal(back["hidden"], x)
    assert back["note"] == "a"


def test_bytes_follow_the_formula_within_one_percent() -> None:
    tokens, width = 24, 576
    frame = encode(Message(Kind.HIDDEN, {"hidden": torch.zeros(tokens, width)}))
    assert 4 * tokens * width <= len(frame) <= 1.01 * 4 * tokens * width


def test_detached_copy_is_sent() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    assert not decode(encode(Message(Kind.HIDDEN, {"hidden": x * 2})))["hidden"].requires_grad


def test_int8_rounds_each_vector_by_its_own_scale() -> None:
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(2)) * torch.tensor([[1.0], [10.0], [1e-3], [0.0]])
    message = decode(encode(Message(Kind.HIDDEN, {"hidden": pack_int8(x)})))
    step = x.abs().amax(-1, keepdim=True) / 127
    assert ((message["hidden"] - x).abs() <= step / 2 + 1e-9).all()
    assert len(encode(message)) < 0.6 * len(encode(Message(Kind.HIDDEN, {"hidden": x})))


def test_top_k_keeps_the_largest_and_zeros_the_rest() -> None:
    x = torch.randn(5, 40, generator=torch.Generator().manual_seed(3))
    dense = decode(encode(Message(Kind.HIDDEN, {"hidden": pack_top_k(x, 7)})))["hidden"]
    for row, kept in zip(x, dense, strict=True):
        largest = sorted(range(40), key=lambda i: -abs(float(row[i])))[:7]
        assert set(kept.nonzero().flatten().tolist()) == set(largest)
        assert torch.equal(kept[largest], row[largest])


def frame_with(header: object, blob: bytes = b"") -> bytes:
    head = json.dumps(header).encode()
    return b"LKB1" + struct.pack("<I", len(head)) + head + blob


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"PICKLE..",
        b"LKB1" + struct.pack("<I", 2**31) + b"{}",
        frame_with({"k": "NOPE", "at": [0, 0, 0]}),
        frame_with({"k": "HIDDEN"}),
        frame_with([1, 2]),
        frame_with({"k": "HIDDEN", "at": [0, 0, 0]}, b"garbage that is no safetensors blob"),
        frame_with({"k": "HIDDEN", "at": [0, 0, 0], "p": {"hidden": {"form": "zip", "shape": [1]}}}),
        frame_with({"k": "HIDDEN", "at": [0, 0, 0], "p": {"hidden": {"form": "int8", "shape": [1]}}}),
    ],
)
def test_malformed_frames_are_codec_errors(frame: bytes) -> None:
    with pytest.raises(CodecError):
        decode(frame)


def test_packed_parts_that_do_not_fit_are_refused() -> None:
    lying = Packed("topk", torch.Size([1, 4]), {"values": torch.ones(1, 2), "index": torch.tensor([[0, 9]])})
    with pytest.raises(CodecError, match="do not fit"):
        decode(encode(Message(Kind.HIDDEN, {"hidden": lying})))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"a": 1}, b"raw", [object()]])
def test_values_without_a_wire_form_are_refused(value: object) -> None:
    with pytest.raises(CodecError):
        encode(Message(Kind.CONTROL, {"x": value}))  # type: ignore[dict-item]
