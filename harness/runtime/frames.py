"""Length-prefixed frames over a socket: a JSON object and an optional blob."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

from harness.util.untrusted import parse_json

__all__ = ["FrameError", "pack_frame", "read_answer", "read_frame", "write_frame"]


_LIMIT = 2**31

MAX_HEAD = 16 * 2**20
"""Bytes of the JSON of an answer."""


class FrameError(ValueError):
    """Bytes that are no frame, or one beyond its limits."""


def pack_frame(head: dict[str, Any], blob: bytes | None = None) -> bytes:
    """The bytes of one JSON object with an optional blob; :class:`ValueError` or ``TypeError`` for what is no JSON."""
    body = json.dumps(head, allow_nan=False).encode()
    return struct.pack("<Iq", len(body), -1 if blob is None else len(blob)) + body + (blob or b"")


def write_frame(sock: socket.socket, head: dict[str, Any], blob: bytes | None = None) -> None:
    """Send one JSON object with an optional blob."""
    sock.sendall(pack_frame(head, blob))


def read_frame(sock: socket.socket) -> tuple[dict[str, Any], bytes | None]:
    """Read what :func:`write_frame` of the harness sent; raises ``EOFError`` when the other end is gone."""
    size, extra = struct.unpack("<Iq", _exactly(sock, 12))
    if size > _LIMIT or extra > _LIMIT:
        raise EOFError(f"frame of {size} + {extra} bytes is beyond the limit")
    head = json.loads(_exactly(sock, size))
    return head, None if extra < 0 else _exactly(sock, extra)


def read_answer(sock: socket.socket, deadline: float, limit: int) -> tuple[dict[str, Any], bytes | None]:
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
    body = _exactly(sock, size, deadline)
    try:
        head = parse_json(body)
    except ValueError as error:
        raise FrameError(f"a frame whose head cannot be read: {error}") from error
    if not isinstance(head, dict):
        raise FrameError(f"a frame whose head is a {type(head).__name__}, not an object")
    return head, None if extra < 0 else _exactly(sock, extra, deadline)


def _exactly(sock: socket.socket, count: int, deadline: float | None = None) -> bytes:
    chunks, missing = [], count
    while missing:
        if deadline is not None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = sock.recv(min(missing, 1 << 20))
        if not chunk:
            raise EOFError("the other end closed the connection")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
