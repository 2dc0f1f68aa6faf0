"""Find the lungs: the common resolution, the lung network's input, and what its answer measures."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.preprocessing.geometry import Region, resized
from ml.preprocessing.steps import stretched

EQUALISED_LONG_SIDE = 384
"""Long side that every image is reduced to first: the resolution of the training images."""

LUNG_INPUT_SIZE = 128
"""Side of the square that the lung U-Net sees."""

WINDOW_PERCENTILES = (1.0, 99.0)
MASK_THRESHOLD = 0.5
MIN_BOX_SIDE = 0.3
MIN_LUNG_AREA = 0.05
MIN_COMPONENT_SHARE = 0.1


def equalise(pixels: FloatImage) -> FloatImage:
    """Reduce an image by area to a long side of `EQUALISED_LONG_SIDE`; smaller ones stay as they are.

    Takes float32 (height, width) in [0, 1]; every other function here takes what this one returns.
    """
    height, width = pixels.shape
    long_side = max(height, width)
    if long_side <= EQUALISED_LONG_SIDE:
        return pixels
    scale = EQUALISED_LONG_SIDE / long_side
    return resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)))


def lung_input(equalised: FloatImage) -> FloatImage:
    """Give the lung network's input: the whole image, squeezed to a square, (1, 128, 128, 1) in [0, 1].

    Aspect ratio is not kept on purpose: half of the training sources were squeezed by their
    publishers, and a box in fractions of the image does not mind.
    """
    square = resized(equalised, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE)
    low, high = WINDOW_PERCENTILES
    return stretched(square, square, low=low, high=high)[np.newaxis, :, :, np.newaxis]


def lung_mask(lung_probabilities: FloatImage) -> NDArray[np.bool_]:
    """Turn lung probabilities (h, w) into a mask of the two largest parts, without specks."""
    binary = (lung_probabilities >= MASK_THRESHOLD).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=4)
    if count <= 1:
        return binary.astype(np.bool_)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = np.argsort(areas)[::-1][:2]
    kept = np.zeros(count, np.bool_)
    kept[[i + 1 for i in largest if areas[i] >= MIN_COMPONENT_SHARE * areas[largest[0]]]] = True
    return np.asarray(kept[labels], np.bool_)


def lung_region(lung_probabilities: FloatImage) -> Region | None:
    """Give the box around the lungs, or None when nothing there looks like lungs."""
    return mask_region(lung_mask(lung_probabilities))


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


def mask_region(mask: NDArray[np.bool_]) -> Region | None:
    """Give the box around a lung mask (h, w), or None where it is too small to be a pair of lungs."""
    if mask.mean() < MIN_LUNG_AREA:
        return None
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    top, bottom = rows[0] / mask.shape[0], (rows[-1] + 1) / mask.shape[0]
    left, right = columns[0] / mask.shape[1], (columns[-1] + 1) / mask.shape[1]
    if bottom - top < MIN_BOX_SIDE or right - left < MIN_BOX_SIDE:
        return None
    return Region(float(top), float(left), float(bottom), float(right))
