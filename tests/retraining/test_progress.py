"""Bars where somebody watches, few lines where a file does."""

from __future__ import annotations

from io import StringIO

from django.core.management.base import OutputWrapper
from rich.console import Console

from apps.retraining.management.terminal import (
    LINES_PER_STAGE,
    ProgressBars,
    progress_bars,
    progress_shown,
)
from apps.retraining.progress import Step

EPOCH = {"size": 160.0, "loss": 0.6123, "calibration_accuracy": 0.8444, "minutes_left": 11.6}


def lines_of(*steps: Step | str) -> list[str]:
    written = StringIO()
    with progress_shown(OutputWrapper(written)) as report:
        for step in steps:
            report(step)
    return written.getvalue().splitlines()


def test_a_long_stage_makes_few_lines_the_first_and_the_last_among_them() -> None:
    lines = lines_of(*(Step("preparing", done, 12586) for done in (*range(64, 12586, 64), 12586)))
    assert len(lines) <= LINES_PER_STAGE
    assert lines[0] == "preparing: 64/12586"
    assert lines[-1] == "preparing: 12586/12586"


def test_every_epoch_is_a_line_with_its_figures() -> None:
    lines = lines_of(*(Step("training", epoch, 40, EPOCH) for epoch in range(1, 41)))
    assert len(lines) == 40
    assert lines[0] == "training: 1/40, 160 px, loss 0.612, calibration accuracy 84.4%, 12 min left"


def test_short_stages_and_sentences_are_told_whole() -> None:
    assert lines_of(
        Step("exporting", 0, 1),
        Step("exporting", 1, 1),
        Step("A1", 0, 12),
        Step("A2", 1, 12),
        "No audit: why.",
    ) == ["exporting: 0/1", "exporting: 1/1", "A1: 0/12", "A2: 1/12", "No audit: why."]


def test_a_stage_that_starts_anew_is_told_again() -> None:
    lines = lines_of(Step("preparing", 8, 8), Step("A6", 5, 12), Step("preparing", 8, 8))
    assert lines == ["preparing: 8/8", "A6: 5/12", "preparing: 8/8"]


def test_a_terminal_gets_a_bar_per_stage_with_the_figures() -> None:
    written = StringIO()
    bars = progress_bars(Console(file=written, force_terminal=True, width=160, _environ={}))
    with bars:
        report = ProgressBars(bars)
        for step in (Step("preparing", 5, 10), Step("training [1]", 3, 24, EPOCH), "Not audited: [why]."):
            report(step)
        assert [task.description for task in bars.tasks] == ["preparing", "training [1]"]
        assert [task.completed for task in bars.tasks] == [5, 3]
    shown = written.getvalue()
    for words in ("training [1]", "3/24", "loss 0.612", "12 min left", "Not audited: [why]."):
        assert words in shown
