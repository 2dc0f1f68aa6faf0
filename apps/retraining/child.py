"""Starting the trainer's child, hearing what it says, and ending it."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from apps.core import child_process
from apps.retraining.progress import Step
from apps.retraining.requests import CandidateOrder

LOG_NAME = "log.txt"
LOG_BYTES = 1_000_000
"""Of a run's log; what is older goes to one more file of this size, and then away."""
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the child gave up, in its own words; a permanent one would come again."""

    reason: str
    permanent: bool


class RunLog:
    """A run's log file: bounded, each line with its time; a disk that is full loses lines, not the run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = logging.handlers.RotatingFileHandler(
            folder / LOG_NAME, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )

    def write(self, line: str) -> None:
        """Add a line."""
        text = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}"
        self._file.emit(logging.LogRecord("", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TrainerChild:
    """One attempt at an order, in a process group of its own that ends with this one."""

    def __init__(self, order: CandidateOrder, *, log: RunLog) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", child_process.__file__, str(os.getpid())),
                *(sys.executable, "-m", "apps.retraining.trainer"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=settings.BASE_DIR,
        )
        order_pipe, events, log_lines = self._process.stdin, self._process.stdout, self._process.stderr
        assert order_pipe is not None  # noqa: S101 - pipes, as asked for
        assert events is not None  # noqa: S101
        assert log_lines is not None  # noqa: S101
        self.failure: Failure | None = None
        self._steps: list[Step] = []
        self._partial: dict[int, bytes] = {}
        self._output = selectors.DefaultSelector()
        self._output.register(events, selectors.EVENT_READ, self._on_event)
        self._output.register(log_lines, selectors.EVENT_READ, log.write)
        with contextlib.suppress(BrokenPipeError), order_pipe:
            order_pipe.write(json.dumps(order.to_json()).encode())

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def steps(self, *, seconds: float) -> Iterator[Step]:
        """Wait at most so long for output, and give the steps that it told."""
        for key, _ in self._output.select(timeout=seconds):
            self._read(key.fileobj, key.data)  # type: ignore[arg-type]  # the pipes registered above
        told, self._steps = self._steps, []
        yield from told

    def is_over(self) -> bool:
        """Whether the child has ended and all that it said is read."""
        return not self._output.get_map() and self._process.poll() is not None

    @property
    def exit_status(self) -> int:
        """How the child ended; waits for that."""
        return self._process.wait()

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for key in list(self._output.get_map().values()):
            self._output.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]  # the pipes registered above

    def _read(self, pipe: IO[bytes], take: Any) -> None:
        """Take the whole lines that a pipe holds; at its end the rest, and no more of it."""
        number = pipe.fileno()
        block = os.read(number, 1 << 16)
        *lines, rest = (self._partial.pop(number, b"") + block).split(b"\n")
        if not block:
            self._output.unregister(pipe)
            pipe.close()
            lines = [rest] if rest else []
        elif len(rest) < _LONGEST_LINE:
            self._partial[number] = rest
        for line in lines:
            take(line.decode("utf-8", "replace"))

    def _on_event(self, line: str) -> None:
        event: Mapping[str, Any] = json.loads(line)
        if step := event.get("step"):
            told = Step(**step)
            self._steps.append(told)
            if told.figures or told.done in (0, told.total):
                self._log.write(str(told))
        elif error := event.get("error"):
            self.failure = Failure(error, bool(event["permanent"]))
            self._log.write(error)
        else:
            self._log.write(str(event["say"]))
