"""Maps in the geometry of the image they explain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.contracts import Box
from ml.explain.saliency import class_saliency, lung_outline, lung_outline_png, overlay_png, place
from tests.ml.conftest import lung_probabilities

BOX = Box(top=100, left=50, bottom=300, right=350)
SIZE = (400, 500)


def rgba(png: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), np.uint8)


def corner_map() -> NDArray[np.float32]:
    """Evidence in the lower right quarter only."""
    saliency = np.zeros((10, 10), np.float32)
    saliency[6:, 6:] = 1.0
    return saliency


def test_class_maps_become_positive_evidence() -> None:
    class_maps = np.zeros((4, 4, 3), np.float32)
    class_maps[1, 2] = (8.0, -3.0, 0.4)
    saliency = class_saliency(class_maps, ("a", "b", "c"))
    assert saliency["a"][1, 2] == 1.0
    assert saliency["b"].max() == 0.0
    assert saliency["c"][1, 2] == pytest.approx(0.4 / 2.0)
    assert saliency["a"].sum() == 1.0


def test_no_evidence_anywhere_gives_empty_maps() -> None:
    saliency = class_saliency(np.full((4, 4, 2), -1.0, np.float32), ("a", "b"))
    assert all(float(values.max()) == 0.0 for values in saliency.values())


def test_a_map_lands_in_its_box() -> None:
    placed = place(corner_map(), box=BOX, size=SIZE)
    assert placed.shape == SIZE
    assert placed[280, 330] == pytest.approx(1.0, abs=0.02)
    assert placed[120, 70] == pytest.approx(0.0, abs=0.02)
    outside = placed.copy()
    outside[100:300, 50:350] = 0
    assert outside.max() == 0.0


def test_the_overlay_is_clear_where_there_is_no_evidence() -> None:
    overlay = rgba(overlay_png(corner_map(), box=BOX, size=SIZE))
    assert overlay.shape == (*SIZE, 4)
    assert overlay[280, 330, 3] > 200
    assert overlay[120, 70, 3] == 0
    assert overlay[10, 10, 3] == 0
    red, green, blue, _ = (int(channel) for channel in overlay[280, 330])
    assert red > green > blue


def test_the_lung_outline_follows_the_mask() -> None:
    mask = lung_probabilities() > 0.5
    polygons = lung_outline(mask, size=(640, 512))
    assert len(polygons) == 2
    left, right = sorted(np.mean([x for x, _ in polygon]) / 512 for polygon in polygons)
    assert left == pytest.approx(0.3, abs=0.03)
    assert right == pytest.approx(0.7, abs=0.03)

    drawn = rgba(lung_outline_png(mask, size=(640, 512)))
    assert drawn.shape == (640, 512, 4)
    assert 0.001 < np.mean(drawn[..., 3] > 0) < 0.05
    assert drawn[320, int(0.3 * 512), 3] == 0
