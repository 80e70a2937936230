"""Length-prefixed frames over a socket: a JSON object and an optional blob."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.util.untrusted import parse_json

__all__ = ["Blob", "FrameError", "frame_parts", "read_answer", "read_frame", "write_frame"]

Blob = bytes | memoryview | Sequence[memoryview]
"""Bytes of a frame beside its JSON; several pieces follow each other."""

_LIMIT = 2**31

MAX_HEAD = 16 * 2**20
"""Bytes of the JSON of an answer."""


class FrameError(ValueError):
    """Bytes that are no frame, or one beyond its limits."""


def frame_parts(head: dict[str, Any], blob: Blob | None = None) -> list[bytes | memoryview]:
    """The pieces of one JSON object with an optional blob, in order; nothing large is copied.

    Raises:
        ValueError, TypeError: ``head`` is no JSON.
    """
    body = json.dumps(head, allow_nan=False).encode()
    pieces = [] if blob is None else [blob] if isinstance(blob, bytes | memoryview) else list(blob)
    size = -1 if blob is None else sum(map(len, pieces))
    return [struct.pack("<Iq", len(body), size) + body, *pieces]


def write_frame(sock: socket.socket, head: dict[str, Any], blob: Blob | None = None) -> None:
    """Send one JSON object with an optional blob."""
    for piece in frame_parts(head, blob):
        sock.sendall(piece)


def read_frame(sock: socket.socket) -> tuple[dict[str, Any], memoryview | None]:
    """Read what :func:`write_frame` of the harness sent; raises ``EOFError`` when the other end is gone."""
    size, extra = struct.unpack("<Iq", _exactly(sock, 12))
    if size > _LIMIT or extra > _LIMIT:
        raise EOFError(f"frame of {size} + {extra} bytes is beyond the limit")
    head = json.loads(bytes(_exactly(sock, size)))
    return head, None if extra < 0 else _exactly(sock, extra)


def read_answer(sock: socket.socket, deadline: float, limit: int) -> tuple[dict[str, Any], memoryview | None]:
    """Read a worker's frame, trusting nothing in it.

    Args:
        sock: the harness's end.
        deadline: time of ``time.monotonic`` by which the whole frame must be there, however slowly it drips.
        limit: most bytes of the blob.

    Raises:
        FrameError: what came is no frame, or beyond a limit.
        EOFError: the other end is gone.
        TimeoutError: the deadline has passed.
    """
    size, extra = struct.unpack("<Iq", _exactly(sock, 12, deadline))
    if size > MAX_HEAD or not -1 <= extra <= limit:
        raise FrameError(f"a frame of {size} + {extra} bytes; at most {MAX_HEAD} + {limit} are read")
    body = bytes(_exactly(sock, size, deadline))
    try:
        head = parse_json(body)
    except ValueError as error:
        raise FrameError(f"a frame whose head cannot be read: {error}") from error
    if not isinstance(head, dict):
        raise FrameError(f"a frame whose head is a {type(head).__name__}, not an object")
    return head, None if extra < 0 else _exactly(sock, extra, deadline)


def _exactly(sock: socket.socket, count: int, deadline: float | None = None) -> memoryview:
    """``count`` bytes in memory of their own, which may be written to."""
    filled, view = 0, np.empty(count, np.uint8).data
    while filled < count:
        if deadline is not None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
        got = sock.recv_into(view[filled:])
        if not got:
            raise EOFError("the other end closed the connection")
        filled += got
    return view
