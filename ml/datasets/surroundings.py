"""Change what lies around the lungs in training crops, so that only the lungs can tell the finding.

Swapping backgrounds between classes shows, and cures, how much a network leans on them (Xiao 2021). On
chest radiographs they tell hospitals apart: borders, markers, shoulders, arms and bellies.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.crops import IN_HULL, IN_LUNGS

FROM_OTHER, LUNG_GREY, FLAT = 0.55, 0.75, 0.87
"""Of changed surroundings, up to which share each kind is drawn; the rest are clouds."""
GREYS = (0.0, 128.0, 255.0)
REACH = 5
"""Side of the disc that masks are widened by, in pixels of the small picture."""


def resurrounded(
    crop: NDArray[np.uint8],
    chest: NDArray[np.uint8],
    other: NDArray[np.uint8],
    random: np.random.Generator,
) -> NDArray[np.uint8]:
    """Keep the lungs of a crop (s, s[, 3]), with all between and a little around them, in other surroundings.

    The hull is kept, not the lungs alone: what is consolidated the lung network often takes for something
    else, and without it the finding would go. The surroundings are those of `other`, another crop of the
    same shape, or the lungs' mean grey, black, white or grey, or soft clouds. `chest` is the crop's picture
    of `ml.datasets.crops.Crops`. The seam is blurred by a random width, so that it cannot be learned.
    """
    kept = _soft(chest >= IN_HULL, crop, random)
    kind = random.random()
    if kind < FROM_OTHER:
        around = other.astype(np.float32)
    elif kind < LUNG_GREY:
        around = np.full(crop.shape, _lung_grey(crop, chest), np.float32)
    elif kind < FLAT:
        around = np.full(crop.shape, random.choice(GREYS), np.float32)
    else:
        cells = int(random.integers(3, 20))
        clouds = random.uniform(0, 255, (cells, cells)).astype(np.float32)
        around = _like(cv2.resize(clouds, crop.shape[:2], interpolation=cv2.INTER_CUBIC), crop)
    return _blended(crop.astype(np.float32), around, kept)


def lungs_removed(
    crop: NDArray[np.uint8], chest: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint the lungs of a crop (s, s[, 3]) in their own grey, black or any grey: no finding is left."""
    kind = random.random()
    paint = _lung_grey(crop, chest) if kind < 0.5 else 0.0 if kind < 0.8 else random.uniform(0, 255)
    inside = _soft(chest >= IN_LUNGS, crop, random)
    return _blended(np.full(crop.shape, paint, np.float32), crop.astype(np.float32), inside)


def _soft(mask: NDArray[np.bool_], crop: NDArray[np.uint8], random: np.random.Generator) -> FloatImage:
    """Enlarge a small mask, a little widened, to the crop, with an edge of random softness in [0, 1]."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (REACH, REACH))
    widened = cv2.dilate(mask.astype(np.uint8), kernel).astype(np.float32)
    size = crop.shape[0]
    enlarged = cv2.resize(widened, (size, size), interpolation=cv2.INTER_LINEAR)
    return _like(cv2.GaussianBlur(enlarged, (0, 0), random.uniform(0.3, 2.5)), crop)


def _lung_grey(crop: NDArray[np.uint8], chest: NDArray[np.uint8]) -> float:
    size = chest.shape[0]
    small = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    lungs = chest >= IN_LUNGS
    return float(small[lungs].mean()) if lungs.any() else float(small.mean())


def _like(picture: FloatImage, crop: NDArray[np.uint8]) -> FloatImage:
    """Give a grey picture (s, s) as many axes as the crop has."""
    return picture if crop.ndim == 2 else picture[..., np.newaxis]


def _blended(inside: FloatImage, outside: FloatImage, share: FloatImage) -> NDArray[np.uint8]:
    mixed = share * inside + (np.float32(1) - share) * outside
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)
