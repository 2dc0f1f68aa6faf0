"""What a decoding process may not do: grow, run on, write files, reach the network, touch others.

Limits are the kernel's (setrlimit). Forbidden system calls are refused by a seccomp filter with
EPERM, which needs no privilege once `no_new_privs` is set (seccomp(2), Linux ≥ 3.17, x86-64 and
arm64). Where the kernel or the machine has no such filter, a Python audit hook refuses sockets and
new processes; that stops Python code, not machine code, and is the weaker fence.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_REFUSE_WITH_EPERM = 0x00050001
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_GREATER_OR_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

_FORBIDDEN_CALLS = {
    "x86_64": {
        "network": (41, 42, 43, 49, 50, 53, 288),
        "processes": (57, 58, 59, 62, 101, 200, 310, 311, 322, 435),
        "files": (76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 133, 258, 259, 260, 263, 264, 265, 266, 268, 316),
        "kernel": (155, 161, 165, 166, 169, 175, 246, 272, 298, 308, 313, 321, 323, 425, 428),
    },
    "aarch64": {
        "network": (198, 199, 200, 201, 202, 203, 242),
        "processes": (117, 129, 130, 221, 270, 271, 281, 435),
        "files": (33, 34, 35, 36, 37, 38, 45, 53, 54, 276),
        "kernel": (39, 40, 41, 51, 97, 104, 105, 142, 241, 268, 273, 280, 282, 425, 428),
    },
}
"""Numbers of socket, connect, accept, bind, listen, socketpair; fork, vfork, execve, kill, ptrace,
process_vm_*, clone3; truncate, rename, mkdir, rmdir, creat, link, unlink, symlink, chmod, chown,
mknod and their *at forms; chroot, mount, reboot, modules, kexec, unshare, setns, perf, bpf,
userfaultfd, io_uring and so on, from the kernel's tables."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoding process may use."""

    memory_bytes: int = 2 * 1024**3
    """Address space (RLIMIT_AS), of which about 0.3 GiB is code and libraries."""
    cpu_seconds: int = 20
    """Processor time for one object."""
    wall_seconds: float = 30.0
    """Elapsed time for one object; the parent enforces it."""
    open_files: int = 64


def confine(limits: Limits) -> bool:
    """Take the calling process's liberties away for good; say whether the kernel filter is in force."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    filtered = _install_filter()
    sys.addaudithook(_refuse_event)
    return filtered


def allow_cpu_seconds(seconds: int) -> None:
    """Give the calling process this much more processor time, after which the kernel kills it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _refuse_event(event: str, _arguments: object) -> None:
    if event.startswith("socket.") or event in ("os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"):
        raise PermissionError(f"A decoding process may not do {event}")


def _install_filter() -> bool:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    program = _filter_program(machine)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0) == 0)


def _filter_program(machine: str) -> bytes:
    """Return the classic BPF program: other architectures and forbidden calls are refused."""
    calls = sorted({number for numbers in _FORBIDDEN_CALLS[machine].values() for number in numbers})
    rows = [
        (_LOAD_WORD, 0, 0, 4),
        (_JUMP_IF_EQUAL, 0, len(calls) + 3, _ARCHITECTURES[machine]),
        (_LOAD_WORD, 0, 0, 0),
        (_JUMP_IF_GREATER_OR_EQUAL, len(calls) + 1, 0, _X32_BIT),
    ]
    for index, number in enumerate(calls):
        rows.append((_JUMP_IF_EQUAL, len(calls) - index, 0, number))
    rows += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE_WITH_EPERM)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


def process_is_filtered(pid: int | None = None) -> bool:
    """Say whether a process runs under a seccomp filter, from /proc."""
    with open(f"/proc/{pid or os.getpid()}/status", encoding="ascii", errors="replace") as status:
        return any(line.split() == ["Seccomp:", "2"] for line in status)
