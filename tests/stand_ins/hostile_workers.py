"""Submissions that take their worker over and answer the harness themselves, in every way that is no answer."""

from __future__ import annotations

from textwrap import indent

__all__ = ["ANSWERS", "DEATHS", "RESULTS", "hostile"]

_TAKEN = """
import gc, json, os, signal, socket, struct, sys
from safetensors.torch import save

def say(head, blob=None):
    wire = next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0)
    body = head if isinstance(head, bytes) else json.dumps(head).encode()
    wire.sendall(struct.pack("<Iq", len(body), -1 if blob is None else len(blob)) + body + (blob or b""))

def frame(header, tensors=b""):
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    return b"LKB1" + struct.pack("<I", len(body)) + body + tensors

def pair(sent):
    return struct.pack("<I", len(sent)) + sent + sent

def here():
    wire = next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0)
    return wire

def packed(shape):
    parts = {"hidden#values": torch.zeros(1, 1), "hidden#index": torch.zeros(1, 1, dtype=torch.int16)}
    return frame({"k": "HIDDEN", "at": [0, 0, 0], "p": {"hidden": {"form": "topk", "shape": shape}}}, save(parts))

class Plugin(Defense):
    def __init__(self, hostile=True):
        self.hostile = hostile

    def send(self, message):
        if self.hostile:
"""

ANSWERS = {
    "bytes that are no frame": ("here().sendall(os.urandom(64))", "frame"),
    "a head that is no JSON": ("say(b'no json')", "head cannot be read"),
    "a head that is no text": ("say(bytes([255, 254, 253]))", "head cannot be read"),
    "a recursion bomb in the head": ("say(b'[' * 200_000)", "nested too deeply"),
    "a deep head that can be parsed": ("say(b'[' * 500 + b']' * 500)", "nested too deeply"),
    "a head of another type": ("say([1, 2])", "not an object"),
    "a head without ok": ("say({'fine': True})", "unknown form"),
    "a huge number": ("say(b'{\"ok\": ' + b'9' * 5000 + b'}')", "head cannot be read"),
    "a head of another size than it has": ("here().sendall(struct.pack('<Iq', 2**32 - 1, 5))", "at most"),
    "a blob of a negative size": ("here().sendall(struct.pack('<Iq', 2, -7) + b'{}')", "at most"),
    "a reason with terminal escapes": ("say({'ok': False, 'reason': '\\x1b[2Jgone\\n' * 9999})", r"^\[2Jgone"),
    "a reason that cannot be written": ('say(b\'{"ok": false, "reason": "\\\\ud800"}\')', "head cannot be read"),
    "no reason": ("say({'ok': False, 'reason': ''})", "no reason"),
    "no message": ("say({'ok': True}, pair(b'garbage'))", "is no message"),
    "a recursion bomb in a message": ("say({'ok': True}, pair(frame(b'[' * 200_000)))", "nested too deeply"),
    "a message without a kind": ("say({'ok': True}, pair(frame({'at': [0, 0, 0]})))", "KeyError"),
    "a message at a negative place": ("say({'ok': True}, pair(frame({'k': 'TEXT', 'at': [-1, 0, 0]})))", "from 0 on"),
    "a packed bomb": (
        "say({'ok': True}, pair(packed([1 << 40, 8])))",
        "unpacks to",
    ),
    "an odd spec of a packed field": (
        "say({'ok': True}, pair(packed([])))",
        "malformed",
    ),
    "a message of NaN": (
        "say({'ok': True}, pair(frame({'k': 'HIDDEN', 'at': [0, 0, 0]}, save({'hidden': message['hidden'] / 0}))))",
        "NaN",
    ),
}
"""Name -> (statement that answers in place of the worker, words of the reason)."""

DEATHS = {
    "ends well": ("os._exit(0)", "exit status 0"),
    "closes its socket": ("here().close()", "exit status|closed"),
    "closes its socket and waits": ("here().shutdown(2); import time; time.sleep(30)", "closed its connection"),
    "raises a broken pipe": ("raise BrokenPipeError", "BrokenPipeError: no message at defense.py"),
    "raises an end of file": ("raise EOFError", "EOFError"),
    "dies of a signal without a name": ("os.kill(os.getpid(), 40)", "signal 40"),
    "recurses": ("f = lambda g: g(g); f(f)", "RecursionError"),
    "runs out of memory": ("bytearray(1 << 60)", "MemoryError"),
    "raises what has no words": (
        "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})",
        "no message that could be read",
    ),
}
"""The same for workers that end."""

RESULTS = {
    "no result": "{'ok': True}",
    "a result of another type": "{'ok': True, 'result': 3}",
    "deep predictions": "json.loads('{\"ok\": true, \"result\": ' + '[' * 400 + ']' * 400 + '}')",
    "predictions of another type": "with_(predictions=[1])",
    "predictions for somebody else": "with_(predictions={'server': {'x': {'label': 'a'}}})",
    "a ledger of another type": "with_(ledger=7)",
    "a ledger entry of another type": "with_(ledger=[{'mechanism': 3}])",
    "a ledger entry of a stranger": "with_(ledger=[{'mechanism': 'gaussian', 'party': 'nobody'}])",
    "operations beyond 64 bits": "with_(flops=1 << 70)",
    "negative operations": "with_(flops=-1)",
    "setup of NaN": "with_(setup={'seconds': float('nan'), 'flops': 0})",
}
"""Name -> what is answered at the end of a run; ``with_`` makes a sound answer with some fields replaced."""


def hostile(statement: str) -> str:
    """Body of a ``defense.py`` whose ``send`` executes a statement, unless it is made with ``hostile=False``."""
    return f"{_TAKEN}{indent(statement, ' ' * 12)}\n        return message\n"
