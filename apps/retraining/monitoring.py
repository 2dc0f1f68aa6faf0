"""The housekeeping's door into `ml.monitoring`; import it inside task bodies: it brings SciPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ml.monitoring.rates import calibration_error, rate_of
from ml.monitoring.shifts import Sample, shifts

__all__ = ["calibration_error", "rate_as_json", "shifts_as_json"]

Numbers = Mapping[str, Sequence[float | None]]
Categories = Mapping[str, Sequence[str]]


def shifts_as_json(
    before: tuple[Numbers, Categories], now: tuple[Numbers, Categories]
) -> list[dict[str, Any]]:
    """Compare two parts of a stream, each as numbers (None where missing) and categories by attribute."""
    return [asdict(shift) for shift in shifts(_sample(*before), _sample(*now))]


def rate_as_json(hits: int, n: int) -> dict[str, float] | None:
    """Return a share with its 95 % interval; None where there is nothing to share."""
    rate = rate_of(hits, n)
    return asdict(rate) if rate else None


def _sample(numbers: Numbers, categories: Categories) -> Sample:
    return Sample(
        {
            name: np.array([np.nan if value is None else value for value in values], float)
            for name, values in numbers.items()
        },
        dict(categories),
    )
