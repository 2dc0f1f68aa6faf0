"""The named steps that a version's preprocessing may be made of, each from one crop to another.

A step takes a crop, float32 (size, size) in [0, 1], and where the chest lies in it, and gives a crop of
the same kind; only `pseudo_colour` gives three channels and so comes last. Which of them a version
uses, with which parameters, is stored with it (`ml.preprocessing.chain`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage


@dataclass(frozen=True, slots=True)
class Chest:
    """Where the chest lies in a crop, both bool (size, size), true everywhere where no lungs were found.

    `lungs`: the lung mask. `hull`: the convex hull of both lungs, which holds the heart and any
    consolidation that the lung network took for something else, but no marker, shoulder or border.
    """

    lungs: NDArray[np.bool_]
    hull: NDArray[np.bool_]


def blur(image: FloatImage, chest: Chest, *, sigma: float = 0.7) -> FloatImage:
    """Blur lightly (sigma in pixels of the crop): sources differ in sharpness."""
    return _floats(cv2.GaussianBlur(image, (0, 0), sigma))


def window(image: FloatImage, chest: Chest, *, low: float = 1.0, high: float = 99.0) -> FloatImage:
    """Stretch greys so that two percentiles inside the chest become 0 and 1, and clip."""
    return stretched(image, image[chest.hull], low=low, high=high)


def histogram_equalisation(image: FloatImage, chest: Chest, *, strength: float = 1.0) -> FloatImage:
    """Replace greys by their rank inside the chest, blended with the image by `strength` in [0, 1].

    All images then have the same histogram there: a source can no longer be told by its grey scale.
    """
    levels = (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    counts = np.bincount(levels[chest.hull], minlength=256)
    # The middle of each grey's ranks, so that black is not lifted where many pixels are black.
    ranks = (np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1)
    return _floats(image + np.float32(strength) * (ranks[levels] - image))


def clahe(image: FloatImage, chest: Chest, *, clip_limit: float = 2.0, tiles: int = 4) -> FloatImage:
    """Equalise the histogram locally with a limit on contrast (Zuiderveld 1994)."""
    # In 8 bits: with 16, OpenCV spreads a tile over so many bins that the limit never binds.
    levels = (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    tiled = (int(tiles), int(tiles))
    return _floats(cv2.createCLAHE(clip_limit, tiled).apply(levels)) / np.float32(255.0)


def gamma(image: FloatImage, chest: Chest, *, exponent: float = 0.8) -> FloatImage:
    """Raise greys to a power; below 1 brightens."""
    return _floats(np.power(image, np.float32(exponent)))


def complement(image: FloatImage, chest: Chest) -> FloatImage:
    """Turn black into white, as on film."""
    return np.float32(1.0) - image


def bcet(image: FloatImage, chest: Chest, *, mean: float = 0.43) -> FloatImage:
    """Balance the contrast (Liu 1991): a parabola that gives the chest the range 0 to 1 and a set mean."""
    inside = image[chest.hull].astype(np.float64)
    low, high, middle, square = inside.min(), inside.max(), inside.mean(), (inside**2).mean()
    if high - low < 1e-3:
        return image
    divisor = 2 * (high * mean - middle + low * (1 - mean))
    if abs(divisor) < 1e-4:
        # The chest has that mean already once it is stretched: the parabola is a line.
        return _floats(np.clip((image - low) / (high - low), 0.0, 1.0))
    vertex = (high**2 * mean - square + low**2 * (1 - mean)) / divisor
    slope = (high - low) * (high + low - 2 * vertex)
    if abs(slope) < 1e-6:
        return image
    shift = -((low - vertex) ** 2) / slope
    return _floats(np.clip((image - vertex) ** 2 / slope + shift, 0.0, 1.0))


def bilateral(
    image: FloatImage, chest: Chest, *, sigma_grey: float = 0.1, sigma_space: float = 2.0
) -> FloatImage:
    """Smooth without crossing edges (Tomasi 1998)."""
    return _floats(cv2.bilateralFilter(image, 0, sigma_grey, sigma_space))


def diaphragm_removal(image: FloatImage, chest: Chest, *, threshold: float = 0.9) -> FloatImage:
    """Blacken the largest bright area of the lower half (Heidari 2020): the diaphragm and what is below."""
    low, high = float(image.min()), float(image.max())
    bright = (image >= low + threshold * (high - low)).astype(np.uint8)
    bright[: len(bright) // 2] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright)
    if count <= 1:
        return image
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    area = cv2.morphologyEx((labels == largest).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return np.where((area > 0) & ~chest.lungs, np.float32(0.0), image)


def marker_removal(image: FloatImage, chest: Chest, *, size: float = 0.1) -> FloatImage:
    """Take away small bright things outside the chest: letters, clips, arrows.

    There the image is replaced by its morphological opening; `size` is a share of the crop's side.
    """
    side = max(3, round(size * len(image)) | 1)
    opened = cv2.morphologyEx(image, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.where(chest.hull, image, _floats(opened))


def fade_outside(
    image: FloatImage, chest: Chest, *, margin: float = 0.05, softness: float = 0.03, grey: float = 0.5
) -> FloatImage:
    """Fade everything but the lungs, the heart between them and a margin into one grey.

    Margin and softness are shares of the crop's side.
    """
    side = len(image)
    reach = max(1, round(margin * side))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.dilate(chest.hull.astype(np.float32), kernel)
    weight = _floats(cv2.GaussianBlur(wide, (0, 0), max(0.5, softness * side)))
    return image * weight + np.float32(grey) * (1 - weight)


def pseudo_colour(image: FloatImage, chest: Chest) -> FloatImage:
    """Give three channels: the image, its equalised and its smoothed self (Heidari 2020)."""
    return np.stack([image, histogram_equalisation(image, chest), bilateral(image, chest)], axis=-1)


Step = Callable[..., FloatImage]

STEPS: Mapping[str, Step] = {
    step.__name__: step
    for step in (
        blur,
        window,
        histogram_equalisation,
        clahe,
        gamma,
        complement,
        bcet,
        bilateral,
        diaphragm_removal,
        marker_removal,
        fade_outside,
        pseudo_colour,
    )
}


def stretched(image: FloatImage, reference: FloatImage, *, low: float, high: float) -> FloatImage:
    """Stretch greys so that two percentiles of the reference become 0 and 1, and clip."""
    darkest, brightest = np.percentile(reference, (low, high)) if reference.size else (0.0, 1.0)
    return _floats(np.clip((image - darkest) / max(float(brightest - darkest), 1e-3), 0.0, 1.0))


def _floats(values: Any) -> FloatImage:
    return np.asarray(values, np.float32)
