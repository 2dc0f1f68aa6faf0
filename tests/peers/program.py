"""Real servers for tests: found on the machine, on free ports, in temporary folders, ended afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_for


def find_program(name: str, *, package: str, folders: Sequence[str] = ("/usr/sbin",)) -> str:
    """Return the program's path; without it the test fails in CI and is skipped elsewhere."""
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *folders]))
    if path:
        return path
    reason = f"{name} is missing: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether something accepts connections on the port."""
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
        return True
    return False


@contextmanager
def server_folder(user: str | None = None) -> Iterator[Path]:
    """Make a temporary folder that `user` owns, where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="cxr-peer-"))
    try:
        if user and os.getuid() == 0:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def account(user: str) -> dict[str, Any]:
    """Return `subprocess` arguments for servers that refuse to run as root."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class RunningProgram:
    """A server's process, which tests may kill and start again."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        deadline: float = 60.0,
    ) -> None:
        self.command, self.folder, self.port, self.deadline = command, folder, port, deadline
        self.environment = {**os.environ, **(environment or {})}
        self._account = account(user) if user else {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._account,
            )
        wait_for(
            self._answers, deadline=self.deadline, what=f"{self.command[0]} on port {self.port}", every=0.1
        )

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(
                f"{self.command[0]} ended:\n{(self.folder / 'output.log').read_text()[-4000:]}"
            )
        return listens(self.port)

    def kill(self) -> None:
        """End the server and all that it started, at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
