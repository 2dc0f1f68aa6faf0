"""Measured figures, their aims, and the machine."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `aim` is the most it may be, or with `at_least` the least."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.at_least else self.value <= self.aim

    def row(self) -> str:
        """Return a row of a Markdown table."""
        aim = "" if self.aim is None else f"{'≥' if self.at_least else '≤'} {self.aim:g} {self.unit}"
        mark = {None: "", True: "met", False: "**missed**"}[self.is_met]
        return f"| {self.name} | {self.value:.4g} {self.unit} | {aim} | {mark} |"

    def as_dict(self) -> dict[str, Any]:
        """Return the figure for JSON."""
        return {**asdict(self), "is_met": self.is_met}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which so many percent of the values lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(percent) - 1]


def processor_name() -> str:
    """Return the processor's name as Linux knows it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"
