"""A small supervisor: starts the platform's processes, says when all work, restarts what dies.

supervisor and circus were looked at and do not fit; docs/adr/0007 says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from apps.core import child_process

READY_SUFFIX = " READY"
STOP_SECONDS = 6.5
"""Time to drain; what still runs afterwards is killed, so that even a busy machine ends within 10 s."""
_STEADY_SECONDS = 30.0
"""A child that lived this long starts again without delay."""
_LONGEST_PAUSE = 30.0
_LOG_BYTES, _LOG_FILES = 5_000_000, 4
_LONGEST_LINE = 1 << 20


def announce_ready(name: str, detail: str = "") -> None:
    """Print the line by which a child tells that it accepts work."""
    print(f"{name.upper()}{READY_SUFFIX}{' ' + detail if detail else ''}", flush=True)  # noqa: T201 - the supervisor reads it


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep running; it is ready once it prints `NAME READY`."""

    name: str
    arguments: Sequence[str]
    """Of the Python interpreter."""
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: Sequence[int] = ()
    """Open files that the child inherits."""


class Child:
    """One program's current process, its output and its restarts."""

    def __init__(self, program: Program, *, log_dir: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = asyncio.Event()
        self._log = logging.handlers.RotatingFileHandler(
            log_dir / f"{program.name}.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )

    def start(self) -> None:
        """Start the process in a group of its own, so that its own children can be ended with it."""
        self.process = subprocess.Popen(
            (
                *(sys.executable, "-I", "-S", child_process.__file__, str(os.getpid())),
                *(sys.executable, *self.program.arguments),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.program.environment},  # noqa: TID251 - children get ours
            pass_fds=self.program.descriptors,
            start_new_session=True,
            cwd=settings.BASE_DIR,
        )

    async def ended(self) -> int:
        """Copy the output until the process ends, end what it left behind, return the exit status."""
        process = self.process
        assert process is not None  # noqa: S101 - started before
        copying = asyncio.create_task(self._copy_output(process))
        await _exit_of(process)
        self.kill()
        status = process.wait()
        await copying
        return status

    def terminate(self) -> None:
        """Ask the process to drain; it tells its own children."""
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """End the process's whole group, for instance its decode pool."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the log file."""
        self._log.close()

    async def _copy_output(self, process: subprocess.Popen[bytes]) -> None:
        announcement = f"{self.program.name.upper()}{READY_SUFFIX}"
        reader = asyncio.StreamReader(limit=_LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                continue  # a line above the limit was dropped
            if not line:
                break
            text = line.decode("utf-8", "replace").rstrip()
            if text.startswith(announcement):
                self.ready.set()
            print(f"{self.program.name:<8} | {text}", file=sys.stderr, flush=True)  # noqa: T201 - for the operator
            self._log.emit(logging.LogRecord("", logging.INFO, "", 0, text, None, None))
        transport.close()


async def _exit_of(process: subprocess.Popen[bytes]) -> None:
    """Wait for the process itself; asyncio's own wait may also wait for all who hold its output open."""
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(process.pid)
    exited = asyncio.Event()
    loop.add_reader(descriptor, exited.set)
    try:
        await exited.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class Supervisor:
    """Keeps programs running until it is told to stop."""

    def __init__(self, programs: Sequence[Program], *, log_dir: Path, say: Callable[[str], None]) -> None:
        log_dir.mkdir(exist_ok=True, mode=0o700)
        self.children = [Child(program, log_dir=log_dir) for program in programs]
        self._say = say
        self._stopping = asyncio.Event()

    async def run(self, *, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Run until SIGTERM or SIGINT; call `when_ready` once, when every child accepts work.

        A second signal kills at once. Must be awaited in the main thread, because the kernel ties a
        child's life to the thread that started it.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        keepers = [asyncio.create_task(self._keep(child)) for child in self.children]
        announcer = asyncio.create_task(self._announce(when_ready))
        await self._stopping.wait()
        announcer.cancel()
        for child in self.children:
            child.terminate()
        _, unfinished = await asyncio.wait(keepers, timeout=STOP_SECONDS)
        if unfinished:
            self._kill()
            await asyncio.wait(unfinished)
        with contextlib.suppress(asyncio.CancelledError):
            await announcer
        for child in self.children:
            child.close()

    def stop(self) -> None:
        """Begin to stop."""
        self._stopping.set()

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._kill()
        self._stopping.set()

    def _kill(self) -> None:
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                self._say(f"{child.program.name} did not end in time and is killed")
                child.kill()

    async def _announce(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        await asyncio.gather(*(child.ready.wait() for child in self.children))
        await when_ready()

    async def _keep(self, child: Child) -> None:
        pause = 0.0
        while not self._stopping.is_set():
            begun = time.monotonic()
            child.start()
            if self._stopping.is_set():
                child.terminate()
            status = await child.ended()
            if self._stopping.is_set():
                return
            pause = (
                0.0 if time.monotonic() - begun > _STEADY_SECONDS else min(2 * pause + 0.5, _LONGEST_PAUSE)
            )
            self._say(f"{child.program.name} ended with {_describe(status)}; restarting in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)


def _describe(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
