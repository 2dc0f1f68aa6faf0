"""Rates with intervals, and how far confidence is from being right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `n`, as a share with its 95 % interval (Wilson 1927)."""

    hits: int
    n: int
    rate: float
    low: float
    high: float


def rate_of(hits: int, n: int) -> Rate | None:
    """Return the share of `hits` among `n`; None where there is nothing to share."""
    if n == 0:
        return None
    interval = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return Rate(hits, n, hits / n, float(interval.low), float(interval.high))


def calibration_error(confidences: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> float | None:
    """Return the expected calibration error over bins of equal width, in [0, 1]; None without any answer."""
    if not confidences:
        return None
    confidence, correct = np.asarray(confidences, float), np.asarray(right, float)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(correct[place == i].mean() - confidence[place == i].mean()) * (place == i).mean()
        for i in np.unique(place)
    ]
    return float(sum(gaps))
