"""The system calls that a worker may make (seccomp, Linux on x86-64 and ARM64): a list of what torch and Python need.

Everything else fails: sockets but for the one that is there, new processes and programs, mounts, tracing, kernel keys,
io_uring, BPF, files in memory, owners and times of files. Signals reach the process itself alone. The program is the
classic BPF of seccomp(2), which the kernel checks before every call.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["ARCHITECTURES", "Architecture", "architecture", "program", "restrict_calls"]

_PLAIN = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69; pwritev 296 70;
close 3 57; close_range 436 436; lseek 8 62; open 2 -; openat 257 56; stat 4 -; fstat 5 80; lstat 6 -;
newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48; faccessat2 439 439; readlink 89 -; readlinkat 267 78;
getdents 78 -; getdents64 217 61; getcwd 79 17; chdir 80 49; fchdir 81 50; statfs 137 43; fstatfs 138 44;
umask 95 166; dup 32 23; dup2 33 -; dup3 292 24; pipe 22 -; pipe2 293 59; flock 73 32; poll 7 -; ppoll 271 73;
select 23 -; pselect6 270 72; epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22;
eventfd2 290 19; mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233; mincore 27 232;
msync 26 227; brk 12 214; futex 202 98; set_robust_list 273 99; get_robust_list 274 100; rseq 334 293;
set_tid_address 218 96; gettid 186 178; getpid 39 172; getppid 110 173; getuid 102 174; geteuid 107 175;
getgid 104 176; getegid 108 177; getgroups 115 158; getresuid 118 148; getresgid 120 150; getpgrp 111 -;
getpgid 121 155; getsid 124 156; sched_yield 24 124; sched_getaffinity 204 123; sched_getparam 143 121;
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126; getcpu 309 168;
get_mempolicy 239 236; getrusage 98 165; times 100 153; sysinfo 99 179; uname 63 160; getrandom 318 278;
clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115; nanosleep 35 101; gettimeofday 96 169;
time 201 -; alarm 37 -; setitimer 38 103; getitimer 36 102; pause 34 -; rt_sigaction 13 134; rt_sigprocmask 14 135;
rt_sigreturn 15 139; rt_sigsuspend 130 133; rt_sigtimedwait 128 137; rt_sigpending 127 136; sigaltstack 131 132;
restart_syscall 219 128; exit 60 93; exit_group 231 94; arch_prctl 158 -; getrlimit 97 163; setrlimit 160 164;
getpriority 140 141; recvfrom 45 207; sendto 44 206; shutdown 48 210; getsockopt 55 209; getsockname 51 204;
getpeername 52 205; wait4 61 260; waitid 247 95; capget 125 90
"""
"""Calls that are allowed whatever their arguments: name, number on x86-64, on ARM64 (-: not there)."""

_LOOKED_AT = """
clone 56 220; clone3 435 435; kill 62 129; tgkill 234 131; ioctl 16 29; fcntl 72 25; prctl 157 167; prlimit64 302 261
"""
"""Calls that are allowed with some arguments."""

_NEWEST = 450
"""Calls from this number on are unknown here: libraries that try one go on with an older call."""

_CLONE_THREAD = 0x10000
# Of terminals and pipes: close-on-exec, blocking, bytes that wait, whether it is a terminal.
_IOCTLS = (0x5451, 0x5450, 0x5421, 0x541B, 0x5401, 0x5413)
_NO_FCNTLS = (8, 10, 15)  # who is sent signals about a file
_PRCTLS = (15, 16, 3, 0x53564D41)  # names of threads and of memory; whether it can be dumped

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in the kernel's struct seccomp_data
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000

_Step = tuple[int, int, int, int]
"""Operation, steps to skip if it is true, if it is false, its number."""


@dataclass(frozen=True)
class Architecture:
    """Numbers of system calls on one kind of processor."""

    audit: int
    """Its name for the kernel."""
    plain: Mapping[str, int] = field(repr=False)
    looked_at: Mapping[str, int] = field(repr=False)


def _numbers(table: str, column: int) -> dict[str, int]:
    rows = [row.split() for row in table.split(";")]
    return {row[0]: int(row[1 + column]) for row in rows if row[1 + column] != "-"}


ARCHITECTURES = {
    machine: Architecture(audit, _numbers(_PLAIN, column), _numbers(_LOOKED_AT, column))
    for column, (machine, audit) in enumerate({"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.items())
}
"""Those whose calls are known here, by the name that the kernel gives the machine."""


def architecture() -> Architecture | None:
    """This machine's; None where its calls are not known, or the kernel has no seccomp."""
    if platform.system() != "Linux" or ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) < 0:
        return None
    return ARCHITECTURES.get(platform.machine())


def program(kind: Architecture, pid: int) -> bytes:
    """The BPF program for process ``pid``."""
    steps: list[_Step] = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, kind.audit), (_RETURN, 0, 0, _KILL)]
    steps += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _NEWEST), _error(errno.ENOSYS)]
    for number in kind.plain.values():
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for name, number in kind.looked_at.items():
        inner = list(_judged(name, pid))
        steps += [(_EQUAL, 0, len(inner), number), *inner]
    return b"".join(struct.pack("<HBBI", *step) for step in (*steps, _error(errno.EPERM)))


def _judged(name: str, pid: int) -> Iterator[_Step]:
    """Steps that end in a verdict on a call by its arguments."""
    if name == "clone3":
        yield _error(errno.ENOSYS)  # its arguments lie in memory; without it libraries take clone
    elif name == "clone":
        yield from (_argument(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW), _error(errno.EPERM))
    elif name in ("kill", "tgkill"):
        yield from _one_of(0, (pid,))
    elif name == "prlimit64":
        yield from _one_of(0, (0, pid))
    elif name == "ioctl":
        yield from _one_of(1, _IOCTLS)
    elif name == "prctl":
        yield from _one_of(0, _PRCTLS)
    elif name == "fcntl":
        yield from _one_of(1, _NO_FCNTLS, _error(errno.EPERM), (_RETURN, 0, 0, _ALLOW))
    else:
        raise AssertionError(name)


def _one_of(
    argument: int, values: Iterable[int], then: _Step = (_RETURN, 0, 0, _ALLOW), otherwise: _Step | None = None
) -> Iterator[_Step]:
    yield _argument(argument)
    for value in values:
        yield from ((_EQUAL, 0, 1, value), then)
    yield otherwise or _error(errno.EPERM)


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: those that are looked at have 32 bits."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _error(number: int) -> _Step:
    return (_RETURN, 0, 0, _ERROR | number)


def restrict_calls(kind: Architecture) -> None:
    """Allow this process these calls and no others, for good. It must have given up new privileges before.

    Raises:
        OSError: the kernel refused.
    """
    code = program(kind, os.getpid())
    lines = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: how many lines there are, and where.
    whole = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(lines)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if libc.prctl(22, 2, ctypes.addressof(whole), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refused the list of system calls")
