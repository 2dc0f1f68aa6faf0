"""Progress of long work on the terminal: bars where somebody watches, few lines where a file does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from apps.retraining.progress import Report, Step

LINES_PER_STAGE = 20
"""At most so many lines of a stage that measures nothing; a step with figures, an epoch, is always a line."""


@contextmanager
def progress_shown(stream: OutputWrapper) -> Iterator[Report]:
    """Give what shows steps on a command's `stderr`; bars with the time left when it is a terminal."""
    if not stream.isatty():
        yield ProgressLines(stream)
        return
    with progress_bars(Console(stderr=True)) as bars:
        yield ProgressBars(bars)


def progress_bars(console: Console) -> Progress:
    """Give rich's display as these commands use it."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[measured]}", markup=False),
        console=console,
    )


class ProgressBars:
    """Shows every stage as a bar, with what its last step measured."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step | str) -> None:
        """Move a stage's bar, or print a sentence above the bars."""
        if isinstance(step, str):
            self._bars.console.print(step, markup=False, highlight=False)
            return
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self._bars.add_task(step.stage, total=step.total, measured="")
        task = self._tasks[step.stage]
        self._bars.update(task, completed=step.done, total=step.total, measured=step.measured)


class ProgressLines:
    """Writes lines: those with figures, and of the others enough to see that it goes on."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._stage = ""
        self._told = -1

    def __call__(self, step: Step | str) -> None:
        """Write a step's line, unless one like it has just been written; a sentence always."""
        if isinstance(step, str) or step.figures:
            self._stream.write(str(step))
            return
        share = (LINES_PER_STAGE - 1) * step.done // max(1, step.total)
        if step.stage != self._stage or share != self._told:
            self._stream.write(str(step))
        self._stage, self._told = step.stage, share
