"""The sandbox (``--isolation sandbox``): a fork server whose workers run a stranger's code.

Two levels, of which a machine has the stronger one that it can:

- ``bubblewrap``: the server starts in namespaces of its own (processes, network, mounts, IPC, host name, and users
  where it is not started by root). Of the machine there is the interpreter with its libraries, the sources that a
  worker needs, model parts, tokenizers, and the files of the runs. Each worker becomes a user of its own where root
  starts it.
- ``landlock``: the server is a plain process.

In both each worker is confined before a line of a submission is read (:mod:`harness.runtime.confinement`): it reads its
own run's files and writes none, makes no sockets and no processes, has limits. ``docs/isolation.md`` says what each
level does not protect from.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import py_compile
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.assets.cache import cache_root
from harness.errors import SuiteError
from harness.plugins import registry
from harness.runtime.confinement import Confinement
from harness.runtime.fork_server import ForkServer, tokenizers_of
from harness.runtime.landlock import landlock_version
from harness.runtime.seccomp import architecture
from harness.runtime.worker_code import ROOTS, worker_code
from harness.util.keys import HOUSES

__all__ = ["BUBBLEWRAP", "LANDLOCK", "SandboxServer", "sandbox_level", "sandbox_problems"]

BUBBLEWRAP, LANDLOCK = "bubblewrap", "landlock"

_FIRST_USER, _USERS, _NOBODY = 1_900_000_000, 200_000_000, 65_534
"""Users that workers become: numbers that no system gives to anybody; where those do not exist, nobody."""
_THREADS = 1024
_KEPT = ("OMP_", "OPENBLAS_", "MKL_", "KMP_", "GOMP_", "ATEN_", "DNNL_", "ONEDNN_")
"""Beginnings of the names of settings of linear algebra: sums, and so bytes, depend on them."""
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64")
_TEMPORARY = "/run/temporary"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_FACTS = ("/etc/ld.so.cache", "/sys/devices/system/cpu")


def sandbox_level() -> str:
    """The level of this machine; :class:`SuiteError` with what to install where it has none."""
    problems = sandbox_problems()
    if LANDLOCK in problems:
        raise SuiteError(f"isolation 'sandbox' is not possible here: {problems[LANDLOCK]}")
    return LANDLOCK if BUBBLEWRAP in problems else BUBBLEWRAP


@functools.cache
def sandbox_problems() -> Mapping[str, str]:
    """Level -> why this machine does not have it, and what to do."""
    problems = {}
    if sys.platform != "linux":
        why = f"workers are confined on Linux alone, this is {sys.platform}; use a virtual machine with Linux"
        return {LANDLOCK: why, BUBBLEWRAP: why}
    if landlock_version() == 0:
        problems[LANDLOCK] = (
            "the kernel has no Landlock; use Linux 5.13 or newer, and start it with landlock among its security "
            "modules (lsm=landlock,...)"
        )
    elif architecture() is None:
        problems[LANDLOCK] = "system calls are listed for x86-64 and ARM64 with seccomp; use a machine of these"
    if why := problems.get(LANDLOCK) or _bubblewrap_problem():
        problems[BUBBLEWRAP] = why
    return problems


def _bubblewrap_problem() -> str:
    program = shutil.which("bwrap")
    if program is None:
        return "there is no bwrap; install bubblewrap (apt-get install bubblewrap)"
    try:
        command = [program, *_namespaces(), "--ro-bind", "/", "/", "true"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap does not run: {error}"
    if done.returncode == 0:
        return ""
    said = " ".join(done.stderr.split())[:200]
    return (
        f"bwrap cannot make namespaces ({said}); on Ubuntu allow it with "
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, in a container run it privileged"
    )


class SandboxServer(ForkServer):
    """The fork server of one evaluation in a sandbox; files of its runs lie in :attr:`scratch`."""

    def __init__(self, level: str | None = None) -> None:
        super().__init__()
        self.sandbox = level or sandbox_level()
        if why := sandbox_problems().get(self.sandbox):
            raise SuiteError(f"no sandbox of level {self.sandbox!r} here: {why}")
        self._folder = tempfile.TemporaryDirectory(prefix="leakboard-")
        self._code, self.scratch = Path(self._folder.name, "code"), Path(self._folder.name, "runs")
        for place in (self._code, self.scratch):
            place.mkdir()
            place.chmod(0o755)
        self._checked: set[Path] = set()
        self._own_users = self.sandbox == BUBBLEWRAP and os.geteuid() == 0
        self._threads = _THREADS if self._own_users else _THREADS + _threads_of_user()
        self._stage(ROOTS)

    def worker_for(self, spec: Mapping[str, Any], cpu_limit: int, memory: int) -> tuple[int, socket.socket]:
        """A fresh worker, confined to what its run needs."""
        function = spec["function"].partition(":")[0]
        self._stage((function,))
        paths = sorted(_paths(spec))
        if self._own_users:
            self._make_readable(paths)
        # At random: a number that counts would tell a worker how many were before it, and so what it is for.
        users = (_FIRST_USER + secrets.randbelow(_USERS), _NOBODY) if self._own_users else ()
        confinement = Confinement(tuple(paths), memory, self._threads, users)
        imports = {function, *spec["imports"]}  # the harness's own: no worker need wait for it
        return self.fork(tokenizers_of(spec), cpu_limit, imports, confinement.plain())

    def running(self, pid: int) -> bool:
        """False once a worker has ended."""
        return bool(self._request({"running": pid})["running"])

    def kill(self, pid: int) -> None:
        """End a worker."""
        self._request({"kill": pid})

    def close(self) -> None:
        """End the server and its workers, and remove their files."""
        super().close()
        self._folder.cleanup()

    def _command(self, descriptor: int) -> tuple[list[str], dict[str, str]]:
        common = self._code / "readable.json"
        common.write_text(json.dumps(list(self._readable())))
        common.chmod(0o644)
        server = [sys.executable, "-P", "-s", "-B", "-m", self.module, str(descriptor), str(common)]
        environment = self._environment()
        if self.sandbox == LANDLOCK:
            return server, environment
        program = shutil.which("bwrap")
        assert program is not None
        settings = [part for name, value in environment.items() for part in ("--setenv", name, value)]
        return [program, *_namespaces(), "--clearenv", *settings, *self._mounts(), *server], {}

    def _environment(self) -> dict[str, str]:
        """Nothing of the harness's own but what numbers depend on."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        apart = [path for path in _libraries() if not _below(path, (sys.prefix, sys.base_prefix, *_SYSTEM))]
        return kept | {
            "PYTHONPATH": os.pathsep.join([str(self._code), *apart]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HOME": "/nowhere",
            "USER": "worker",
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin",
        }

    def _readable(self) -> Iterator[str]:
        """Files that every worker may read besides its run's: interpreter, libraries, sources, and a few facts."""
        hidden = _hidden()
        for path in dict.fromkeys((*_SYSTEM, *_interpreter(), *_libraries())):
            yield from _all_but(path, hidden)
        yield from (str(self._code), *_DEVICES, *_FACTS, "/proc/cpuinfo")

    def _mounts(self) -> Iterator[str]:
        cache = [cache_root() / name for name in ("parts", "tokenizers")]
        for place in cache:
            place.mkdir(parents=True, exist_ok=True)
        places = [*_SYSTEM, *_interpreter(), *_libraries(), *_FACTS, *map(str, (*cache, self._code, self.scratch))]
        seen: list[str] = []
        for path in sorted({p for p in places if os.path.exists(p)} | {os.path.realpath(p) for p in places}):
            if not os.path.exists(path) or _below(path, seen):
                continue
            for parent in reversed(Path(path).parents[:-1]):
                yield from ("--perms", "0755", "--dir", str(parent))
            if os.path.islink(path) and path in _SYSTEM:
                yield from ("--symlink", os.readlink(path), path)
                continue
            yield from ("--ro-bind", path, path)
            seen.append(path)
        for path in _hidden():
            if _below(path, seen):
                yield from (
                    ("--tmpfs", path, "--remount-ro", path)
                    if os.path.isdir(path)
                    else (
                        "--ro-bind",
                        os.devnull,
                        path,
                    )
                )
        yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
        # Libraries look for such a folder while the server imports them; workers cannot write there.
        yield from ("--tmpfs", _TEMPORARY, "--setenv", "TMPDIR", _TEMPORARY)
        yield from ("--remount-ro", "/", "--chdir", "/")

    def _stage(self, modules: Iterable[str]) -> None:
        """Put sources into the folder of code, with what they import, unless they are there."""
        with self._lock:
            for name, file in worker_code(modules).items():
                inside = Path(*name.split("."))
                copy = self._code / (inside / "__init__.py" if file.name == "__init__.py" else f"{inside}.py")
                if copy.exists():
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                compiled = py_compile.compile(
                    str(copy), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
                )
                for path in (copy, Path(str(compiled))):
                    path.chmod(0o644)
                for parent in (copy.parent, Path(str(compiled)).parent):
                    parent.chmod(0o755)

    def _make_readable(self, paths: Iterable[str]) -> None:
        """Let other users read the files of a run, and those of the cache that it uses: public parts of models."""
        assert self.scratch is not None
        for path in map(Path, paths):
            if self.scratch in path.parents:
                _open_to_all(self.scratch / path.relative_to(self.scratch).parts[0])
                _open_to_all(path)
            elif path not in self._checked:
                above = [place for place in path.parents if cache_root() in place.parents]
                for place in (*above, path, *(path.rglob("*") if path.is_dir() else ())):
                    _open_to_all(place)
                self._checked.add(path)


def _namespaces() -> Iterator[str]:
    """Options of bwrap for namespaces of its own, and the privileges that its server keeps there."""
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
    yield from ("--new-session", "--hostname", "worker")
    if os.geteuid() == 0:
        yield from ("--cap-drop", "ALL")
        for name in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):  # workers become somebody else, and are ended
            yield from ("--cap-add", name)
    else:
        yield "--unshare-user"


def _interpreter() -> list[str]:
    """Folders of the interpreter: programs and libraries of this environment, and of the one that it is made from."""
    prefixes = dict.fromkeys((sys.base_prefix, sys.base_exec_prefix, sys.prefix))
    inside = [os.path.join(prefix, name) for prefix in prefixes for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    folders = sysconfig.get_paths()
    return [path for path in (*inside, folders["stdlib"], folders["platstdlib"]) if os.path.exists(path)]


def _libraries() -> list[str]:
    """Folders that installed packages are imported from."""
    named = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    spec = importlib.util.find_spec("torch")
    found_at = [str(Path(spec.origin).parents[1])] if spec is not None and spec.origin else []
    return [path for path in dict.fromkeys((*named, *found_at)) if os.path.isdir(path)]


def _hidden() -> list[str]:
    """Installed packages that no worker may read: the harness and its plugins, but for what is staged of them."""
    targets = registry.discover().targets.values()
    names = {target.partition(":")[0].partition(".")[0] for kind in targets for target in kind.values()}
    names |= {*HOUSES, "submissions", "results", "tests", "benchmarks"}
    places = [Path(library, f"{name}{end}") for library in _libraries() for name in names for end in ("", ".py")]
    return sorted(str(place) for place in places if place.exists())


def _all_but(path: str, hidden: Iterable[str]) -> Iterator[str]:
    """``path``, or what is inside it less what is hidden."""
    within = [place for place in hidden if _below(os.path.realpath(place), (os.path.realpath(path),))]
    if not within:
        yield path
    elif os.path.realpath(path) not in map(os.path.realpath, within):
        for inner in sorted(os.listdir(path)):
            yield from _all_but(os.path.join(path, inner), within)


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """Files and folders that a description of a run names."""
    if spec["submission"]:
        yield spec["submission"]["folder"]
    for party in spec["parties"].values():
        yield from party["parts"].values()
        if party["tokenizer"]:
            yield party["tokenizer"]
        if encoder := party["encoder"]:
            yield from (encoder["part"], encoder["tokenizer"])
            if encoder["known"]:
                yield from (encoder["known"], str(Path(encoder["known"]).with_suffix(".json")))


def _open_to_all(place: Path) -> None:
    """Let other users read a file or a folder; :class:`SuiteError` where that is not ours to allow."""
    mode, wanted = place.stat().st_mode, 0o555 if place.is_dir() else 0o444
    if mode & wanted != wanted:
        try:
            place.chmod(mode & 0o7777 | wanted)
        except OSError as error:
            why = f"workers in the sandbox cannot read {place} ({error.strerror})"
            raise SuiteError(
                f"{why}; allow it with chmod -R a+rX {place}, or name another folder in LEAKBOARD_CACHE"
            ) from error


def _threads_of_user() -> int:
    """Threads that this user has now, which a limit counts as well."""
    import psutil

    user = os.getuid()
    infos = (process.info for process in psutil.process_iter(["uids", "num_threads"]))
    return sum(info["num_threads"] or 0 for info in infos if info["uids"] and info["uids"].real == user)
