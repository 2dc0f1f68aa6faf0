"""Rectangles in fractions of an image, and resizing: what every step of preprocessing stands on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ml.contracts import Box, FloatImage


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

    def grown(self, margin: float) -> Region:
        """Give the region with a margin on each side, as a share of that side, inside the image."""
        vertical, horizontal = margin * (self.bottom - self.top), margin * (self.right - self.left)
        return Region(
            top=max(0.0, self.top - vertical),
            left=max(0.0, self.left - horizontal),
            bottom=min(1.0, self.bottom + vertical),
            right=min(1.0, self.right + horizontal),
        )

    def squared(self, height: int, width: int) -> Region:
        """Grow the shorter side, in pixels of an image of this size, to the longer one or to the image's.

        The region is moved, not cut, where it would leave the image; an image that is too narrow leaves
        it oblong.
        """
        tall, wide = (self.bottom - self.top) * height, (self.right - self.left) * width
        side = max(tall, wide)
        top, bottom = _lengthened(self.top, self.bottom, min(1.0, side / height))
        left, right = _lengthened(self.left, self.right, min(1.0, side / width))
        return Region(top, left, bottom, right)


WHOLE_IMAGE = Region(0.0, 0.0, 1.0, 1.0)


def resized(image: FloatImage, height: int, width: int) -> FloatImage:
    """Resize by area where that reduces the image, else bilinearly."""
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.float32)


def _lengthened(low: float, high: float, length: float) -> tuple[float, float]:
    if high - low >= length:
        return low, high
    start = min(max(0.0, (low + high - length) / 2), 1.0 - length)
    return start, start + length
