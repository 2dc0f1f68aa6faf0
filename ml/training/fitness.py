"""Learn from good radiographs what plausible lungs measure.

The view network (`ml.training.gate`) does most of the refusing; these limits catch what it was never shown.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def _widened(tail: FloatImage, middle: FloatImage) -> FloatImage:
    return np.clip(tail + TAIL_WIDENING * (tail - middle), 0, None)
