"""How far a long piece of work is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_WORDS: Mapping[str, str] = {
    "size": "{:.0f} px",
    "loss": "loss {:.3f}",
    "calibration_loss": "calibration loss {:.3f}",
    "calibration_accuracy": "calibration accuracy {:.1%}",
    "test_accuracy": "test accuracy {:.1%}",
    "seconds": "{:.0f} s",
    "minutes_left": "{:.0f} min left",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a stage: `done` of `total`, and what was measured in it."""

    stage: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def measured(self) -> str:
        """The figures in words; empty where nothing was measured."""
        known = [_WORDS.get(name, f"{name} {{:.4g}}").format(value) for name, value in self.figures.items()]
        return ", ".join(known)

    def __str__(self) -> str:
        return f"{self.stage}: {self.done}/{self.total}" + (f", {self.measured}" if self.figures else "")


Report = Callable[[Step | str], None]
"""Takes each step of the work, and now and then a sentence for a person."""
