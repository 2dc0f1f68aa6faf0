"""How long `manage.py up` takes to READY."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.running_platform import running_platform


def measure() -> list[Figure]:
    """Start on an empty data folder, then again on what is there."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        for label in ("first start to READY", "later start to READY"):
            begun = time.monotonic()
            with running_platform(Path(name) / "data"):
                figures.append(Figure(label, time.monotonic() - begun, "s", aim=15))
    return figures
