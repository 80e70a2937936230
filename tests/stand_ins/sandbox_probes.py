"""A submission that tries to leave its worker in every way listed here and tells what came of it in its predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["ATTEMPTS", "ENDINGS", "IN_A_PROCESS", "outcomes", "probe"]

ATTEMPTS = {
    "reads an attack": "open(ROOT + '/attacks/__init__.py').read()",
    "reads the scoring": "open(ROOT + '/harness/score/__init__.py').read()",
    "reads a test": "open(ROOT + '/tests/conftest.py').read()",
    "reads results": "os.listdir(ROOT + '/results')",
    "imports attacks": "__import__('attacks')",
    "imports the scoring": "__import__('harness.score')",
    "imports the adversary": "__import__('harness.adversary')",
    "imports the runner": "__import__('harness.runtime.runner')",
    "imports the harness's end of the sandbox": "__import__('harness.runtime.sandbox')",
    "reads the cache of data": "os.listdir(CACHE)",
    "reads the cache of wheels": "os.listdir(CACHE + '/wheels')",
    "reads a part of another party": "open(OTHER_PART + '/part.json').read()",
    "reads passwords": "open('/etc/passwd').read()",
    "reads the home": "os.listdir(HOME)",
    "lists the root": "os.listdir('/')",
    "lists folders of other runs": "os.listdir(os.path.dirname(os.path.dirname(HERE)))",
    "lists processes": "os.listdir('/proc')",
    "reads the harness's environment": "open(f'/proc/{HARNESS}/environ').read()",
    "reads its parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "reads its parent's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "reads by a link": "open('/proc/self/root/etc/passwd').read()",
    "writes beside itself": "open(HERE + '/note', 'w').write('x')",
    "writes to a temporary folder": "open(TARGET, 'w').write('x')",
    "writes to shared memory": "open('/dev/shm/leakboard-note', 'w').write('x')",
    "writes to the cache": "open(CACHE + '/note', 'w').write('x')",
    "makes a folder": "os.mkdir(TARGET + '.d')",
    "makes a link": "os.symlink('/', TARGET + '.l')",
    "makes a pipe": "os.mkfifo(TARGET + '.p')",
    "changes a mode": "os.chmod(__file__, 0o777)",
    "changes a time": "os.utime(HERE)",
    "removes itself": "os.unlink(__file__)",
    "opens TCP": "socket.create_connection(('127.0.0.1', PORT), 2)",
    "opens IPv6": "socket.socket(socket.AF_INET6)",
    "opens UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "opens a unix socket": "socket.socket(socket.AF_UNIX)",
    "opens a pair": "socket.socketpair()",
    "opens netlink": "socket.socket(socket.AF_NETLINK)",
    "uses an inherited descriptor": "used(INHERITED)",
    "forks": "alone(os.fork())",
    "starts a program": "subprocess.run(['/bin/true'], check=True)",
    "asks a shell": "0 / (os.system('true') == 0)",
    "traces its parent": "called('ptrace', 16, os.getppid(), 0, 0)",
    "reads memory of its parent": "called('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "mounts": "called('mount', b'none', b'/nowhere', b'tmpfs', 0, 0)",
    "unshares": "called('unshare', 0x10000000)",
    "makes a file in memory": "os.memfd_create('x')",
    "makes an io_uring": "called('syscall', 425, 8, ctypes.create_string_buffer(120))",
    "loads BPF": "called('syscall', 321, 0, 0, 0)",
    "catches page faults": "called('syscall', 323, 0)",
    "asks for keys": "called('syscall', 250, 0, -3, 0)",
    "counts events": "called('syscall', 298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "becomes root": "os.setuid(0) or 0 / (os.geteuid() == 0)",
    "lifts a limit": "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
    "asks of its parent's limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "signals its parent": "os.kill(os.getppid(), 0)",
    "signals everybody": "os.kill(-1, 0)",
    "signals the first process": "os.kill(1, 0)",
    "sends signals of a file": "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "takes 16 GiB": "len(bytearray(16 << 30))",
    "starts threads without end": "(ends.clear(), [stay() for _ in range(5000)])",
}
"""What is tried -> the expression that does it, or raises. None harms the machine should it succeed."""

IN_A_PROCESS = (
    "reads an attack",
    "imports the scoring",
    "reads a part of another party",
    "reads passwords",
    "lists processes",
    "writes to a temporary folder",
    "opens TCP",
    "opens UDP",
    "opens a pair",
    "forks",
    "starts a program",
    "makes a file in memory",
    "signals its parent",
)
"""Attempts that succeed in a plain worker process, whoever runs it."""

_PROBE = """
import ctypes, fcntl, json, os, resource, signal, socket, subprocess, threading
from harness.protocol.party import Party

globals().update(json.loads({facts!r}))
HERE = os.path.dirname(os.path.abspath(__file__))
ATTEMPTS = json.loads({attempts!r})

def called(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0 and ctypes.get_errno() in (1, 13, 38):
        raise PermissionError(ctypes.get_errno(), name)

def used(descriptors):
    for descriptor in descriptors:
        os.fstat(descriptor)

def alone(pid):
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

ends = threading.Event()
def stay():
    threading.stack_size(65536)
    threading.Thread(target=ends.wait, daemon=True).start()

def outcome(attempt):
    try:
        eval(attempt)
        return "done"
    except BaseException as error:
        return f"{{type(error).__name__}}: {{error}}"[:80]
    finally:
        ends.set()

OUTCOMES = {{name: outcome(attempt) for name, attempt in ATTEMPTS.items()}}
OUTCOMES["descriptors"] = sorted(os.listdir("/proc/self/fd"), key=int)
OUTCOMES["environment"] = dict(os.environ)
OUTCOMES["who"] = [os.getuid(), os.getpid()]
predict = Party.predict
Party.predict = lambda me, record, value: predict(me, record, {{**value, "outcomes": OUTCOMES}})

class Plugin(Defense):
    pass
"""

ENDINGS = {
    "forks 200 times": ("[os.fork() or os._exit(0) for _ in range(200)]", "PermissionError"),
    "allocates without end": ("x = [torch.empty(1 << 28).data for _ in range(99)]", "MemoryError|memory"),
    "allocates in place": ("torch.ones(1 << 40)", "RuntimeError|memory"),
    "sleeps for ever": ("import time; time.sleep(600)", "wall limit"),
    "computes for ever": ("while True: pass", "CPU time"),
    "exits midway": ("os._exit(3)", "exit status 3"),
    "raises SystemExit": ("raise SystemExit(0)", "SystemExit"),
    "kills its parent": ("os.kill(os.getppid(), 9)", "PermissionError"),
    "signals everybody": ("os.kill(-1, 0)", "PermissionError"),
    "kills itself": ("os.kill(os.getpid(), 9)", "SIGKILL"),
    "patches safetensors": (
        "import safetensors.torch, harness.wire.message as m\n"
        "import types\n"
        "for module in (safetensors.torch, m):\n"
        "    for name in ('save', 'serialize'):\n"
        "        if hasattr(module, name): setattr(module, name, lambda *a, **k: b'x' * 64)\n"
        "m.encode = lambda message: b'LKB1garbage'\n"
        "import harness.protocol.party as p\n"
        "p.encode = m.encode",
        "message|malformed|frame|header",
    ),
    "raises terminal escapes": ("raise ValueError('\\x1b[2J\\x1b]0;owned\\x07\\n' * 99)", r"ValueError: \[2J"),
    "sends not a number": ("return message.replace(hidden=message['hidden'] * float('nan'))", "NaN"),
    "sends another shape": ("return message.replace(hidden=message['hidden'][:, :-1])", "shape"),
    "sends another type": ("return message.replace(hidden='x')", "hidden|str"),
}
"""What a submission's ``send`` does -> the statements, and words of the reason."""


def probe(names: Iterable[str], **facts: Any) -> str:
    """Body of a ``defense.py`` that makes these attempts; ``facts`` are what it knows of the machine."""
    return _PROBE.format(facts=json.dumps(facts), attempts=json.dumps({name: ATTEMPTS[name] for name in names}))


def outcomes(predictions: Mapping[str, Any]) -> dict[str, Any]:
    """Attempt -> ``done``, or what was raised; and what else the probe saw."""
    seen: dict[str, Any] = next(iter(predictions.values()))["outcomes"]
    return seen
