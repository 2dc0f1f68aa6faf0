"""Class maps for the eye: where in the image the evidence for a finding lies.

The networks end in global average pooling and one linear layer, so a class map is the class's
evidence per place and equals Grad-CAM (Zhou 2016, Selvaraju 2017). Maps stay small until somebody
looks: `overlay_png` puts one into the geometry of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import Box, FloatImage

WEAK_EVIDENCE = 0.25
"""A finding whose strongest evidence is below this share of the image's strongest is shown as weak."""

MAX_OPACITY = 0.85
VISIBLE_FROM, OPAQUE_FROM = 0.2, 0.8
"""Evidence below the first is not shown, so that a map fades before it meets the edge of its box."""

_COLOUR_STOPS = np.array([0.0, 0.5, 1.0])
_COLOURS = np.array([(130, 30, 20), (240, 105, 30), (255, 225, 130)], dtype=np.float64)
"""One warm ramp of rising lightness: read without colour vision, never taken for several findings."""

_OUTLINE_COLOUR = (125, 220, 255)

Polygon = list[tuple[int, int]]


def class_saliency(class_maps: FloatImage, labels: Sequence[str]) -> Mapping[str, FloatImage]:
    """Turn class maps (h, w, K) into positive evidence per label, float32 (h, w) in [0, 1].

    Each map is scaled by its own maximum, but a finding with hardly any evidence stays faint.
    """
    evidence = np.maximum(class_maps, 0.0)
    peaks = evidence.max(axis=(0, 1))
    scale = np.maximum(peaks, max(float(peaks.max()) * WEAK_EVIDENCE, 1e-6))
    return {label: evidence[:, :, k] / scale[k] for k, label in enumerate(labels)}


def place(saliency: FloatImage, *, box: Box, size: tuple[int, int]) -> FloatImage:
    """Return a map (h, w) enlarged into its box of an image of `size` (height, width), zero outside."""
    placed = np.zeros(size, np.float32)
    width, height = box.right - box.left, box.bottom - box.top
    enlarged = cv2.resize(
        np.ascontiguousarray(saliency, np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    placed[box.top : box.bottom, box.left : box.right] = np.clip(enlarged, 0.0, 1.0)
    return placed


def overlay_png(saliency: FloatImage, *, box: Box, size: tuple[int, int]) -> bytes:
    """Return an RGBA PNG of `size` (height, width): colour by evidence, clear where there is none."""
    levels = (place(saliency, box=box, size=size) * 255 + 0.5).astype(np.uint8)
    return _png(_palette()[levels])


def lung_outline_png(mask: NDArray[np.bool_], *, size: tuple[int, int]) -> bytes:
    """Return an RGBA PNG of `size` with the outline of a lung mask that covers the whole image."""
    canvas = np.zeros((*size, 4), np.uint8)
    thickness = max(1, round(max(size) / 400))
    contours = [np.array(polygon, np.int32) for polygon in lung_outline(mask, size=size)]
    cv2.polylines(canvas, contours, True, (*_OUTLINE_COLOUR, 255), thickness, cv2.LINE_AA)
    return _png(canvas)


def lung_outline(mask: NDArray[np.bool_], *, size: tuple[int, int]) -> list[Polygon]:
    """Return the outlines of a lung mask as polygons of (x, y) in an image of `size` (height, width)."""
    height, width = size
    smooth = cv2.GaussianBlur(
        cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR), (0, 0), 2
    )
    contours, _ = cv2.findContours((smooth >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    simplified = [cv2.approxPolyDP(contour, 1.0, True)[:, 0, :] for contour in contours]
    return [[(int(x), int(y)) for x, y in points] for points in simplified if len(points) > 2]


def _palette() -> NDArray[np.uint8]:
    """Return 256 RGBA colours; weak evidence fades out, so that it hides nothing."""
    level = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(level, _COLOUR_STOPS, _COLOURS[:, k]) for k in range(3)]
    fade = np.clip((level - VISIBLE_FROM) / (OPAQUE_FROM - VISIBLE_FROM), 0.0, 1.0)
    return np.stack([*channels, 255 * MAX_OPACITY * fade], axis=1).astype(np.uint8)


def _png(rgba: NDArray[np.uint8]) -> bytes:
    written, data = cv2.imencode(
        ".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 3]
    )
    if not written:
        raise ValueError(f"OpenCV could not encode an image of shape {rgba.shape} as PNG")
    return bytes(data)
