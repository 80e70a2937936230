"""Length-prefixed frames over a socket: a JSON object and an optional blob."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

__all__ = ["read_frame", "write_frame"]


_LIMIT = 2**31


def write_frame(sock: socket.socket, head: dict[str, Any], blob: bytes | None = None) -> None:
    """Send one JSON object with an optional blob."""
    body = json.dumps(head).encode()
    sock.sendall(struct.pack("<Iq", len(body), -1 if blob is None else len(blob)) + body + (blob or b""))


def read_frame(sock: socket.socket) -> tuple[dict[str, Any], bytes | None]:
    """Read what :func:`write_frame` sent; raises ``EOFError`` when the other end is gone."""
    size, extra = struct.unpack("<Iq", _exactly(sock, 12))
    if size > _LIMIT or extra > _LIMIT:
        raise EOFError(f"frame of {size} + {extra} bytes is beyond the limit")
    head = json.loads(_exactly(sock, size))
    return head, None if extra < 0 else _exactly(sock, extra)


def _exactly(sock: socket.socket, count: int) -> bytes:
    chunks, missing = [], count
    while missing:
        chunk = sock.recv(min(missing, 1 << 20))
        if not chunk:
            raise EOFError("the other end closed the connection")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
