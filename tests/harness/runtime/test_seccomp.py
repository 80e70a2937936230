"""The list of system calls against the system's own numbers, and the program against a slow interpreter of it."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import struct

import pytest

from harness.runtime.seccomp import ARCHITECTURES, Architecture, program

PID = 4321
ALLOW, KILL = 0x7FFF0000, 0x80000000


def refused(number: int) -> int:
    return 0x00050000 | number


def verdict(kind: Architecture, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the program on one call, as the kernel would."""
    data = struct.pack("<IIQ6Q", number, kind.audit if audit is None else audit, 0, *(*arguments, *[0] * 6)[:6])
    code = program(kind, PID)
    steps = list(struct.iter_unpack("<HBBI", code))
    place = loaded = 0
    while True:
        operation, if_true, if_false, value = steps[place]
        place += 1
        if operation == 0x20:
            loaded = struct.unpack_from("<I", data, value)[0]
        elif operation == 0x06:
            return int(value)
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[operation]
            place += if_true if holds else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_those_of_the_system(machine: str) -> None:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        pytest.skip("no libseccomp here")
    kind, lib = ARCHITECTURES[machine], ctypes.CDLL(name)
    lib.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for call, number in {**kind.plain, **kind.looked_at}.items():
        assert lib.seccomp_syscall_resolve_name_arch(kind.audit, call.encode()) == number, call


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_verdicts(machine: str) -> None:
    kind = ARCHITECTURES[machine]
    for number in kind.plain.values():
        assert verdict(kind, number) == ALLOW
    for number in set(range(450)) - {*kind.plain.values(), *kind.looked_at.values()}:
        assert verdict(kind, number) == refused(errno.EPERM)
    for number in (450, 470, 0x40000000, 2**32 - 1):
        assert verdict(kind, number) == refused(errno.ENOSYS)
    assert verdict(kind, kind.plain["read"], audit=0x40000003) == KILL


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_verdicts_by_argument(machine: str) -> None:
    kind = ARCHITECTURES[machine]
    numbers = kind.looked_at
    cases = {
        ("clone", 0x3D0F00): ALLOW,  # a thread, as glibc makes it
        ("clone", 17): refused(errno.EPERM),
        ("clone", 0x10000000): refused(errno.EPERM),
        ("clone3", 0): refused(errno.ENOSYS),
        ("kill", PID): ALLOW,
        ("kill", 1): refused(errno.EPERM),
        ("kill", 2**32 - 1): refused(errno.EPERM),
        ("kill", 0): refused(errno.EPERM),
        ("tgkill", PID): ALLOW,
        ("tgkill", PID + 1): refused(errno.EPERM),
        ("prctl", 15): ALLOW,
        ("prctl", 22): refused(errno.EPERM),
        ("prlimit64", 0): ALLOW,
        ("prlimit64", 1): refused(errno.EPERM),
    }
    for (name, argument), wanted in cases.items():
        assert verdict(kind, numbers[name], argument) == wanted, (name, argument)
    assert verdict(kind, numbers["ioctl"], 3, 0x5421) == ALLOW
    assert verdict(kind, numbers["ioctl"], 3, 0x5412) == refused(errno.EPERM)  # types into a terminal
    assert verdict(kind, numbers["fcntl"], 3, 3) == ALLOW
    assert verdict(kind, numbers["fcntl"], 3, 8) == refused(errno.EPERM)
