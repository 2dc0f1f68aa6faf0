"""What the drawings of this package share: a square canvas of float32 greys, shapes, noise, a last touch."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage

SIDE = 256

Point = tuple[float, float]
Draw = Callable[[np.random.Generator], FloatImage]
"""Draws float32 (height, width) in [0, 1]."""


def filled(grey: float) -> FloatImage:
    """Return a canvas of one grey."""
    return np.full((SIDE, SIDE), grey, np.float32)


def at(x: float, y: float) -> tuple[int, int]:
    """Return the nearest pixel, as OpenCV wants it."""
    return round(float(x)), round(float(y))


def ellipse(image: FloatImage, centre: Point, radii: Point, grey: float, *, angle: float = 0.0) -> None:
    """Fill an ellipse with a grey; the angle is in degrees."""
    axes = max(1, round(float(radii[0]))), max(1, round(float(radii[1])))
    cv2.ellipse(image, at(*centre), axes, float(angle), 0, 360, float(grey), -1, cv2.LINE_AA)


def polygon(image: FloatImage, corners: list[Point], grey: float) -> None:
    """Fill a polygon with a grey."""
    cv2.fillPoly(image, [np.rint(np.array(corners)).astype(np.int32)], float(grey), cv2.LINE_AA)


def write_text(image: FloatImage, text: str, at: tuple[int, int], *, scale: float, grey: float) -> None:
    """Write into an image, its first letter's lower left corner at (x, y)."""
    ink = np.zeros(image.shape, np.uint8)
    cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    image += (grey - image) * (ink / np.float32(255))


def blurred(image: FloatImage, sigma: float) -> FloatImage:
    """Return the image after a Gaussian blur, sigma in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(sigma)), np.float32)


def standardised(image: NDArray[np.floating]) -> FloatImage:
    """Return the image with zero mean and unit variance."""
    return np.asarray((image - image.mean()) / max(float(image.std()), 1e-6), np.float32)


def smooth_noise(chance: np.random.Generator, sigma: float) -> FloatImage:
    """Return noise of zero mean and unit variance, grains about `sigma` pixels wide."""
    return standardised(blurred(chance.normal(size=(SIDE, SIDE)).astype(np.float32), sigma))


def finished(
    image: NDArray[np.floating],
    chance: np.random.Generator,
    *,
    blur: tuple[float, float],
    turn: float = 5.0,
) -> FloatImage:
    """Turn, scale, blur, add grain, change the greys and the aspect ratio, all by chance."""
    image = np.asarray(image, np.float32)
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), chance.uniform(-turn, turn), chance.uniform(0.85, 1.25)
    )
    matrix[:, 2] += chance.uniform(-8, 8, 2)
    edge = cv2.BORDER_REPLICATE if chance.random() < 0.7 else cv2.BORDER_CONSTANT
    image = cv2.warpAffine(image, matrix, (width, height), borderMode=edge)
    if (sigma := chance.uniform(*blur)) > 0.1:
        image = blurred(image, sigma)
    grey = np.clip(image, 0, 1) ** chance.uniform(0.6, 1.6) + chance.normal(
        0, chance.uniform(0, 0.04), image.shape
    )
    scale = chance.uniform(0.75, 1.35)
    size = max(96, round(width * scale)), max(96, round(height / scale))
    return np.asarray(np.clip(cv2.resize(grey.astype(np.float32), size), 0, 1), np.float32)
