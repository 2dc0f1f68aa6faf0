"""Change training crops as hospitals do: framing, grey scale, sharpness, noise and markers.

OpenCV and NumPy instead of Keras layers: values stay in [0, 1] by construction, where
`keras.layers.RandomContrast` clips to 0-255 unless told otherwise and then trains on other data than
it serves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage


def augment(image: NDArray[np.uint8], random: np.random.Generator) -> FloatImage:
    """Give a changed copy of one crop, float32 (size, size) in [0, 1]."""
    size = image.shape[0]
    changed = cv2.warpAffine(
        image, _framing(size, random), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    changed = cv2.LUT(changed, _grey_curve(random))
    if random.random() < 0.25:
        changed = cv2.GaussianBlur(changed, (0, 0), random.uniform(0.4, 1.2))
    elif random.random() < 0.25:
        small = int(size * random.uniform(0.5, 0.9))
        changed = cv2.resize(changed, (small, small), interpolation=cv2.INTER_AREA)
        changed = cv2.resize(changed, (size, size), interpolation=cv2.INTER_LINEAR)
    elif random.random() < 0.25:
        changed = cv2.addWeighted(changed, 1.5, cv2.GaussianBlur(changed, (0, 0), 1.5), -0.5, 0)
    result = changed.astype(np.float32) / np.float32(255)
    if random.random() < 0.3:
        noise = random.standard_normal(result.shape, dtype=np.float32)
        result += noise * np.float32(random.uniform(0.01, 0.04))
    if random.random() < 0.3:
        _erase(result, random)
    return np.asarray(np.clip(result, 0.0, 1.0), np.float32)


def _framing(size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Mirror half of them, turn ±8°, scale 0.9-1.12, shift ±4 %."""
    middle = (size - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), random.uniform(-8, 8), random.uniform(0.9, 1.12))
    if random.random() < 0.5:
        matrix = matrix @ np.array([[-1.0, 0, size - 1], [0, 1, 0], [0, 0, 1]])
    matrix[:, 2] += random.uniform(-0.04, 0.04, 2) * size
    return np.asarray(matrix, dtype=np.float64)


def _grey_curve(random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a gamma, a contrast and a brightness as one look-up table."""
    levels = np.linspace(0.0, 1.0, 256) ** np.exp(random.uniform(-0.4, 0.4))
    levels = (levels - 0.5) * random.uniform(0.8, 1.25) + 0.5 + random.uniform(-0.08, 0.08)
    curve: NDArray[np.uint8] = np.rint(np.clip(levels, 0.0, 1.0) * 255).astype(np.uint8)
    return curve


def _erase(image: FloatImage, random: np.random.Generator) -> None:
    """Paint a small rectangle, as a marker or its removal would."""
    size = image.shape[0]
    height, width = (int(size * random.uniform(0.05, 0.2)) for _ in range(2))
    top, left = int(random.integers(0, size - height)), int(random.integers(0, size - width))
    image[top : top + height, left : left + width] = random.random()


def resized(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Reduce crops (n, s, s) by area to (n, size, size)."""
    if images.shape[1] == size:
        return images
    return np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images])


def as_tensor(images: NDArray[np.uint8]) -> FloatImage:
    """Give crops as the network takes them: float32 (n, size, size, channels) in [0, 1]."""
    return images.reshape(*images.shape[:3], -1).astype(np.float32) / np.float32(255)
