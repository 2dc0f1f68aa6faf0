"""Learn from good radiographs what plausible lungs measure, and tell how much that refuses.

The view network (`ml.training.gate`) does most of the refusing; these limits catch what it was never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.crops import Crops
from ml.preprocessing import LUNG_MEASUREMENTS

TAIL_PERCENT = 0.1
"""Percentile of good training radiographs that a limit starts from."""
TAIL_WIDENING = 0.25
"""How much further out it lies, as a share of the way from the median to that percentile."""

LOWER_LIMITS = tuple(name for name in LUNG_MEASUREMENTS)
UPPER_LIMITS = ("lung_area",)


def fitness_thresholds(crops: Crops, training: NDArray[np.intp]) -> Mapping[str, float]:
    """Give limits `NAME_min` and `NAME_max` on lung measurements from the training side's radiographs.

    No out-of-distribution image is looked at, so those of the manifest remain a test.
    """
    good = crops.measurements[training]
    middle = np.median(good, axis=0)
    low = _widened(np.percentile(good, TAIL_PERCENT, axis=0), middle)
    high = _widened(np.percentile(good, 100 - TAIL_PERCENT, axis=0), middle)
    limits = {f"{name}_min": low[LUNG_MEASUREMENTS.index(name)] for name in LOWER_LIMITS}
    limits |= {f"{name}_max": high[LUNG_MEASUREMENTS.index(name)] for name in UPPER_LIMITS}
    return {name: round(float(value), 4) for name, value in limits.items()}


def refused(measurements: FloatImage, thresholds: Mapping[str, float]) -> NDArray[np.bool_]:
    """Tell which rows (n, measurements) violate any limit on the lungs."""
    result = np.zeros(len(measurements), np.bool_)
    for limit, value in thresholds.items():
        name, _, side = limit.rpartition("_")
        if name in LUNG_MEASUREMENTS:
            column = measurements[:, LUNG_MEASUREMENTS.index(name)]
            result |= column < value if side == "min" else column > value
    return result


def refusal_report(
    thresholds: Mapping[str, float],
    *,
    good: FloatImage,
    unfit: Mapping[str, FloatImage],
) -> dict[str, Any]:
    """Give the share of test radiographs refused and, per `ood_*` label, of unfit images refused.

    Only the limits on the lungs are counted; serving has further checks.
    """
    return {
        "radiographs": {"n": len(good), "refused": round(float(refused(good, thresholds).mean()), 4)},
        **{
            label: {"n": len(rows), "refused": round(float(refused(rows, thresholds).mean()), 4)}
            for label, rows in sorted(unfit.items())
        },
    }


def _widened(tail: FloatImage, middle: FloatImage) -> FloatImage:
    return np.clip(tail + TAIL_WIDENING * (tail - middle), 0, None)
