"""Small images with something like lungs in them, and the radiographs beside the checkout."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.contracts import FloatImage

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "ml" / "pretrained" / "cxr"


def chest(*, height: int = 200, width: int = 220, seed: int = 0, opacity: float = 0.0) -> FloatImage:
    """Draw two dark lungs in a grey body; `opacity` brightens the lower half of one lung."""
    random = np.random.default_rng(seed)
    image = np.full((height, width), 0.75, np.float32)
    for middle in (0.3, 0.7):
        axes = (int(0.15 * width), int(0.33 * height))
        cv2.ellipse(image, (int(middle * width), height // 2), axes, 0, 0, 360, 0.25, -1)
    image[height // 2 :, : width // 2] += np.float32(opacity)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    noisy = image + random.normal(0, 0.02, image.shape)
    return np.asarray(np.clip(noisy, 0, 1), np.float32)


def lung_probabilities() -> FloatImage:
    """Give what a perfect lung network would say about `chest()`."""
    mask = np.zeros((128, 128), np.float32)
    for middle in (0.3, 0.7):
        cv2.ellipse(mask, (int(middle * 128), 64), (19, 42), 0, 0, 360, 0.95, -1)
    return mask


ManifestMaker = Callable[[Sequence[Mapping[str, object]]], Path]


@pytest.fixture
def make_manifest(tmp_path: Path) -> ManifestMaker:
    """Write a manifest with one small image per row; a row may name its own file."""

    def make(rows: Sequence[Mapping[str, object]]) -> Path:
        complete = []
        for i, row in enumerate(rows):
            file = str(row.get("file", f"image-{i}.jpg"))
            if "file" not in row:
                opacity = 0.0 if row.get("label") == "normal" else 0.35
                pixels = chest(height=96, width=96, seed=i, opacity=opacity)
                assert cv2.imwrite(str(tmp_path / file), (pixels * 255).astype(np.uint8))
            complete.append({"file": file, **row})
        path = tmp_path / "manifest.csv"
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=sorted({name for row in complete for name in row}))
            writer.writeheader()
            writer.writerows(complete)
        return path

    return make


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    """Give the folder of the model that comes with the release."""
    return BUNDLED


@pytest.fixture(scope="session")
def research_data() -> Path:
    """Give the folder of public radiographs, `CXR_RESEARCH_DATA` or `../shared/data/cxr`."""
    folder = Path(os.environ.get("CXR_RESEARCH_DATA", str(ROOT.parent / "shared" / "data"))) / "cxr"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no public radiographs at {folder}; set CXR_RESEARCH_DATA to the folder that has cxr/")
    return folder
