"""From pixels to tensors: one implementation for training and serving.

The order is equalise, find the lungs, crop to them, window inside them. Sources differ in
resolution, borders, markers and grey scale; a network that sees those differences learns the source
instead of the disease (DeGrave 2021, Zech 2018), so they are removed before it looks.

>>> equalised = equalise(radiograph.pixels)                               # doctest: +SKIP
>>> probabilities = lungs(lung_input(equalised))[0, :, :, 0]              # doctest: +SKIP
>>> prepared = prepare(equalised, probabilities, input_size=160)          # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import Box, FloatImage

PREPROCESSING_VERSION = "lung-box-1"
"""Changes whenever the same pixels would give another tensor; a model version names the one it needs."""

EQUALISED_LONG_SIDE = 384
"""Long side that every image is reduced to first: the resolution of the training images."""

LUNG_INPUT_SIZE = 128
"""Side of the square that the lung U-Net sees."""

CROP_MARGIN = 0.07
"""Margin around the lungs, as a share of the box's side."""

WINDOW_PERCENTILES = (1.0, 99.0)
BLUR_SIGMA = 0.7
MASK_THRESHOLD = 0.5
MIN_BOX_SIDE = 0.3
MIN_LUNG_AREA = 0.05
MIN_COMPONENT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in fractions of the image's height and width, so that it survives any resizing."""

    top: float
    left: float
    bottom: float
    right: float

    def box(self, height: int, width: int) -> Box:
        """Give the pixels that the region covers in an image of this size (at least one)."""
        top = min(int(self.top * height), height - 1)
        left = min(int(self.left * width), width - 1)
        return Box(
            top=top,
            left=left,
            bottom=max(top + 1, min(height, int(np.ceil(self.bottom * height)))),
            right=max(left + 1, min(width, int(np.ceil(self.right * width)))),
        )


WHOLE_IMAGE = Region(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A classifier's input, shape (1, size, size, 1) in [0, 1], and where in the image it came from."""

    tensor: FloatImage
    region: Region
    lungs_found: bool


def equalise(pixels: FloatImage) -> FloatImage:
    """Reduce an image by area to a long side of `EQUALISED_LONG_SIDE`; smaller ones stay as they are.

    Takes float32 (height, width) in [0, 1]; every other function here takes what this one returns.
    """
    height, width = pixels.shape
    long_side = max(height, width)
    if long_side <= EQUALISED_LONG_SIDE:
        return pixels
    scale = EQUALISED_LONG_SIDE / long_side
    return _resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)))


def lung_input(equalised: FloatImage) -> FloatImage:
    """Give the lung network's input: the whole image, squeezed to a square, (1, 128, 128, 1) in [0, 1].

    Aspect ratio is not kept on purpose: half of the training sources were squeezed by their
    publishers, and a box in fractions of the image does not mind.
    """
    square = _resized(equalised, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE)
    return _windowed(square, square)[np.newaxis, :, :, np.newaxis]


def lung_mask(lung_probabilities: FloatImage) -> NDArray[np.bool_]:
    """Turn lung probabilities (h, w) into a mask of the two largest parts, without specks."""
    binary = (lung_probabilities >= MASK_THRESHOLD).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=4)
    if count <= 1:
        return binary.astype(np.bool_)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = np.argsort(areas)[::-1][:2]
    kept = [int(i) + 1 for i in largest if areas[i] >= MIN_COMPONENT_SHARE * areas[largest[0]]]
    return np.asarray(np.isin(labels, kept), np.bool_)


def lung_region(lung_probabilities: FloatImage) -> Region | None:
    """Give the box around the lungs with its margin, or None when nothing there looks like lungs."""
    return _region(lung_mask(lung_probabilities))


def lung_measurements(lung_probabilities: FloatImage) -> Mapping[str, float]:
    """Measure what the lung network saw, for the fitness gate; every value is in [0, 1] or a count.

    `lung_area`: share of the image inside the mask; `lung_probability`: mean probability inside it;
    `lung_components`: parts of at least a tenth of the largest; `lung_symmetry`: smaller by larger
    area on the two sides of the box's middle; `lung_certainty`: share of pixels above one half that
    are also above nine tenths; `lung_box_height`, `lung_box_width`, `lung_box_fill`: the box's sides
    and the share of it inside the mask.
    """
    binary = lung_probabilities >= MASK_THRESHOLD
    mask = lung_mask(lung_probabilities)
    if not mask.any():
        return dict.fromkeys(LUNG_MEASUREMENTS, 0.0)
    _, _, stats, _ = cv2.connectedComponentsWithStats(binary.astype(np.uint8), connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    box_height = int(rows[-1] + 1 - rows[0])
    box_width = int(columns[-1] + 1 - columns[0])
    middle = (columns[0] + columns[-1] + 1) // 2
    sides = sorted((int(mask[:, :middle].sum()), int(mask[:, middle:].sum())))
    return {
        "lung_area": float(mask.mean()),
        "lung_probability": float(lung_probabilities[mask].mean()),
        "lung_components": float((areas >= MIN_COMPONENT_SHARE * areas.max()).sum()),
        "lung_symmetry": sides[0] / sides[1],
        "lung_certainty": float((lung_probabilities >= 0.9).sum() / binary.sum()),
        "lung_box_height": box_height / mask.shape[0],
        "lung_box_width": box_width / mask.shape[1],
        "lung_box_fill": float(mask.sum() / (box_height * box_width)),
    }


LUNG_MEASUREMENTS = (
    "lung_area",
    "lung_probability",
    "lung_components",
    "lung_symmetry",
    "lung_certainty",
    "lung_box_height",
    "lung_box_width",
    "lung_box_fill",
)


def prepare(equalised: FloatImage, lung_probabilities: FloatImage, *, input_size: int) -> Prepared:
    """Make the classifier's input: the lung box, squeezed to a square, windowed inside the chest.

    The window comes from the convex hull of the lungs: it holds the heart and any consolidation that the
    lung network took for something else, but no marker, shoulder or border. Falls back to the whole
    image, with `lungs_found` false, where no plausible lungs were found.
    """
    height, width = equalised.shape
    mask = lung_mask(lung_probabilities)
    found = _region(mask)
    region = WHOLE_IMAGE if found is None else found
    box = region.box(height, width)
    crop = _resized(equalised[box.top : box.bottom, box.left : box.right], input_size, input_size)
    crop = np.asarray(cv2.GaussianBlur(crop, (5, 5), BLUR_SIGMA), np.float32)
    chest = crop if found is None else crop[_hull(mask, region, input_size)]
    return Prepared(_windowed(crop, chest)[np.newaxis, :, :, np.newaxis], region, found is not None)


def _region(mask: NDArray[np.bool_]) -> Region | None:
    if mask.mean() < MIN_LUNG_AREA:
        return None
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    top, bottom = rows[0] / mask.shape[0], (rows[-1] + 1) / mask.shape[0]
    left, right = columns[0] / mask.shape[1], (columns[-1] + 1) / mask.shape[1]
    if bottom - top < MIN_BOX_SIDE or right - left < MIN_BOX_SIDE:
        return None
    margin_y, margin_x = CROP_MARGIN * (bottom - top), CROP_MARGIN * (right - left)
    return Region(
        top=max(0.0, float(top - margin_y)),
        left=max(0.0, float(left - margin_x)),
        bottom=min(1.0, float(bottom + margin_y)),
        right=min(1.0, float(right + margin_x)),
    )


def _hull(mask: NDArray[np.bool_], region: Region, size: int) -> NDArray[np.bool_]:
    """Draw the convex hull of a mask over the whole image into the square crop of a region."""
    points = cv2.findNonZero(mask.astype(np.uint8)).reshape(-1, 2)
    points = cv2.convexHull(points).reshape(-1, 2) + 0.5
    fractions = points / np.array([mask.shape[1], mask.shape[0]])
    corner = np.array([region.left, region.top])
    sides = np.array([region.right - region.left, region.bottom - region.top])
    inside = np.rint((fractions - corner) / sides * size - 0.5).astype(np.int32)
    drawn = np.zeros((size, size), np.uint8)
    return np.asarray(cv2.fillConvexPoly(drawn, inside, 1), np.bool_)


def _resized(image: FloatImage, height: int, width: int) -> FloatImage:
    """Resize by area where that reduces the image, else bilinearly."""
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.float32)


def _windowed(image: FloatImage, reference: FloatImage) -> FloatImage:
    """Stretch grey values so that the reference's percentiles become 0 and 1, and clip."""
    low, high = np.percentile(reference, WINDOW_PERCENTILES) if reference.size else (0.0, 1.0)
    return np.clip((image - low) / max(float(high - low), 1e-3), 0.0, 1.0).astype(np.float32)
