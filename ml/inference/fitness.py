"""Is this a frontal chest radiograph worth classifying? What the header said was settled before.

The first step looks at the grey values alone. The second, `ml.inference.views`, judges the whole image.
The third looks at what the lung network found, within limits learned from good radiographs
(`ModelSpec.fitness`). The codes are the best guess at the reason: an image without plausible lungs may be
a knee or a badly exposed chest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage, RejectedInputError, Rejection, RejectionCode
from ml.inference.views import FRONTAL_LIMIT
from ml.preprocessing import lung_mask, lung_measurements, lung_region

MAX_ASPECT = 2.0
"""Long by short side; the longest of 12,000 radiographs has 1.8."""
MIN_CONTRAST = 0.10
"""Between the 2nd and 98th percentile."""
MIN_GREYS = 10
"""Of 64 grey steps, how many hold at least one pixel in ten thousand; a very pale radiograph has 15."""
MAX_SINGLE_GREY = 0.75
"""Share of two neighbouring grey steps: an image of hardly anything. Radiographs stay below 0.35, black
borders beside them included."""
MAX_SINGLE_BRIGHT_GREY = 0.6
"""The same among the brighter half of the steps: paper, a screen. Radiographs stay below 0.3."""
MAX_BETWEEN_LUNGS = 0.55
"""Of the strip between two lungs, how much may be marked as lung: 0.3 % of 770 frontal views have
more, and 97 % of 33 lateral ones. Only for versions without a view network."""

_NO_CHEST = "No plausible pair of lungs was found: this does not look like a chest radiograph"
_NO_FRONTAL = "The lungs do not lie side by side as in a frontal view"
_POOR = "The lungs cannot be delineated well enough: cut off, rotated or badly exposed"

_MEANINGS = {
    "lung_area_min": (RejectionCode.NOT_CHEST, _NO_CHEST),
    "lung_probability_min": (RejectionCode.NOT_CHEST, _NO_CHEST),
    "lung_box_height_min": (RejectionCode.NOT_CHEST, _NO_CHEST),
    "lung_box_width_min": (RejectionCode.NOT_FRONTAL, _NO_FRONTAL),
    "lung_symmetry_min": (RejectionCode.NOT_FRONTAL, _NO_FRONTAL),
}
"""In order of precedence; any other limit means `poor_quality`."""


def check_greys(equalised: FloatImage) -> None:
    """Refuse what cannot be a radiograph by its shape or grey values, (height, width) in [0, 1].

    Raises `RejectedInputError` (poor_quality).
    """
    height, width = equalised.shape
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise _poor(f"The image is {width} x {height}: too long for a chest radiograph")
    counts = np.bincount((equalised.ravel() * 63.999).astype(np.uint8), minlength=64)
    shares = counts / equalised.size
    cumulative = np.cumsum(shares)
    low, high = np.searchsorted(cumulative, (0.02, 0.98))
    if (high - low) / 64 < MIN_CONTRAST:
        raise _poor("The image has hardly any contrast: blank, or badly exposed")
    pairs = shares[:-1] + shares[1:]
    single = float(pairs.max()) > MAX_SINGLE_GREY or float(pairs[32:].max()) > MAX_SINGLE_BRIGHT_GREY
    if single or int((shares >= 1e-4).sum()) < MIN_GREYS:
        raise _poor("The image has too few greys: a document, a drawing, or mostly empty")


def refused_by_greys(equalised: FloatImage) -> bool:
    """Tell whether `check_greys` refuses an image."""
    try:
        check_greys(equalised)
    except RejectedInputError:
        return True
    return False


def check_lungs(lung_probabilities: FloatImage, limits: Mapping[str, float]) -> None:
    """Refuse an image whose lungs, as the lung network sees them (h, w), are not plausible.

    Raises `RejectedInputError`: not_chest, not_frontal or poor_quality, by the limit that is broken.
    """
    measured = lung_measurements(lung_probabilities)
    broken = [limit for limit, value in limits.items() if _breaks(measured, limit, value)]
    for limit, (code, detail) in _MEANINGS.items():
        if limit in broken:
            raise RejectedInputError(Rejection(code, detail))
    mask = lung_mask(lung_probabilities)
    if FRONTAL_LIMIT not in limits and between_lungs(mask) > MAX_BETWEEN_LUNGS:
        raise RejectedInputError(Rejection(RejectionCode.NOT_FRONTAL, _NO_FRONTAL))
    if broken:
        raise _poor(_POOR)
    if lung_region(lung_probabilities) is None:
        raise RejectedInputError(Rejection(RejectionCode.NOT_CHEST, _NO_CHEST))


def between_lungs(mask: NDArray[np.bool_]) -> float:
    """Return the share of the strip between the lungs that a lung mask (h, w) covers, 1 if it is empty.

    The strip is the middle fifth of the mask's box, from a quarter to three quarters of its height.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 1.0
    top, height = rows[0], rows[-1] + 1 - rows[0]
    left, width = columns[0], columns[-1] + 1 - columns[0]
    strip = mask[
        top + height // 4 : top + height - height // 4, left + (2 * width) // 5 : left + -(-3 * width // 5)
    ]
    return float(strip.mean()) if strip.size else 1.0


def _breaks(measured: Mapping[str, float], limit: str, value: float) -> bool:
    name, _, side = limit.rpartition("_")
    if name not in measured:
        return False
    return measured[name] < value if side == "min" else measured[name] > value


def _poor(detail: str) -> RejectedInputError:
    return RejectedInputError(Rejection(RejectionCode.POOR_QUALITY, detail))
