"""Start a program that ends with its parent: `python child_process.py PARENT_PID PROGRAM ARGUMENT…`.

Run by the supervisor in front of each of its children (without importing anything of ours): the
kernel then sends SIGTERM when the supervisor is gone, however it went, even by SIGKILL.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2)."""


def main(parent_pid: int, command: list[str]) -> None:
    """Ask the kernel for the signal and become `command`."""
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError("prctl(PR_SET_PDEATHSIG) failed.")
    if os.getppid() != parent_pid:
        sys.exit("The supervisor ended before its child began.")
    os.execv(command[0], command)  # noqa: S606 - without a shell, on purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
