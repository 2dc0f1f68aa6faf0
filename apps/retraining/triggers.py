"""What may start a training by itself; whoever notices something registers how to ask about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.core.registries import Registry


@dataclass(frozen=True, slots=True)
class Alarm:
    """A way to ask what has gone wrong since a moment.

    `name` is that of a `TrainingSchedule.Trigger`; `raised_since` gives a sentence that says what happened
    after the moment, for the run's reason, or None.
    """

    name: str
    raised_since: Callable[[datetime], str | None]


alarms: Registry[Alarm] = Registry()
"""Filled in `AppConfig.ready`, `drift` and `agreement` by the watching of the models."""
