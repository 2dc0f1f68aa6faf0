"""A patient's abnormality over time as a small line, drawn by the server as SVG attributes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.diagnosis.models import WorklistEntry

WIDTH, HEIGHT, MARGIN = 340, 64, 8
"""Of the drawing, in SVG units."""


@dataclass(frozen=True, slots=True)
class Point:
    """One study's place in the drawing."""

    x: float
    y: float
    entry: WorklistEntry


@dataclass(frozen=True, slots=True)
class Trend:
    """The line and its points, oldest first."""

    points: list[Point]

    @property
    def line(self) -> str:
        """The `points` attribute of an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def trend_of(entries: Iterable[WorklistEntry]) -> Trend | None:
    """Place completed studies by time and by 1 - p(normal); None with fewer than two."""
    done = sorted(
        (entry for entry in entries if entry.abnormality is not None), key=lambda entry: entry.received_at
    )
    if len(done) < 2:
        return None
    begin, end = done[0].received_at, done[-1].received_at
    span = max((end - begin).total_seconds(), 1.0)
    return Trend(
        [
            Point(
                x=MARGIN + (WIDTH - 2 * MARGIN) * (entry.received_at - begin).total_seconds() / span,
                y=MARGIN + (HEIGHT - 2 * MARGIN) * (1 - (entry.abnormality or 0.0)),
                entry=entry,
            )
            for entry in done
        ]
    )
