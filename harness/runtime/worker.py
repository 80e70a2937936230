"""The worker process: one :class:`harness.runtime.host.Host` behind one socket, speaking length-prefixed frames.

A request is a JSON object and an optional blob; the reply likewise. ``python -m harness.runtime.worker FD`` serves
on an inherited socket, which is also how a sandbox will start it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import traceback
from typing import Any

from harness.errors import DefenseError, LeakboardError
from harness.runtime.frames import Blob, frame_parts, read_frame
from harness.util.untrusted import one_line

__all__ = [
    "serve",
]


def serve(sock: socket.socket) -> None:
    """Answer requests until the harness closes the connection."""
    from harness.runtime.host import Host

    host: Host | None = None
    while True:
        try:
            head, blob = read_frame(sock)
        except (EOFError, ConnectionError):
            return
        try:
            answer: tuple[dict[str, Any], Blob | None]
            if head["do"] == "load":
                host = Host(head["spec"])
                answer = ({"ok": True}, None)
            elif host is not None and head["do"] == "step":
                answer = ({"ok": True}, host.step(head["party"], None if blob is None else bytes(blob)))
            elif host is not None and head["do"] == "defend":
                batch, sent = host.defend(head["party"], head["batch"], blob or memoryview(b""))
                answer = ({"ok": True, "batch": batch}, sent)
            elif host is not None and head["do"] == "prepare":
                answer = ({"ok": True, "texts": host.prepare(head["party"], head["texts"], head["seed"])}, None)
            elif host is not None and head["do"] == "finish":
                answer = ({"ok": True, "result": host.finish()}, host.own())
            else:
                raise LeakboardError(f"unexpected request {head['do']!r}")
            pieces = frame_parts(*answer)
        except BaseException as error:
            # Whatever a submission raises, even SystemExit, must reach the harness as a reason.
            pieces = frame_parts({"ok": False, "reason": reason(error)})
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            for piece in pieces:
                sock.sendall(piece)


def reason(error: BaseException) -> str:
    """One readable line: what was raised, and in which line of the submission if it was there."""
    text = _message(error)
    if isinstance(error, DefenseError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    inner = next((f for f in reversed(frames) if "/harness/" not in f.filename and "torch" not in f.filename), None)
    where = f" at {os.path.basename(inner.filename)}:{inner.lineno} in {inner.name}()" if inner else ""
    return one_line(f"{type(error).__name__}: {text}{where}")


def _message(error: BaseException) -> str:
    """Its words, as one line: an exception class of a submission may do anything when it is asked for them."""
    try:
        return one_line(str(error), 400) if str(error) else "no message"
    except BaseException:
        return "no message that could be read"


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
