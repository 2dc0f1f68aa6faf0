"""Prepare every image of a manifest once and keep the crops, so that epochs read arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.manifest import ManifestError, ManifestRow
from ml.graph import BATCH_SIZE, Graph
from ml.model_folder import file_sha256
from ml.preprocessing import (
    DEFAULT_PREPROCESSING,
    LUNG_MEASUREMENTS,
    Preprocessing,
    equalise,
    lung_input,
    lung_measurements,
)
from ml.preprocessing.steps import Chest

CHEST_SIZE = 64
"""Side of the small pictures that say where the chest lies."""

IN_HULL, IN_LUNGS = 1, 2


@dataclass(frozen=True, slots=True)
class Crops:
    """What preprocessing made of a list of images, in its order.

    `images`: uint8 (n, size, size), or (n, size, size, 3) in pseudo-colour: the classifier's tensors
    times 255; `lungs_found`: bool (n,);
    `measurements`: float32 (n, len(LUNG_MEASUREMENTS)); `chests`: uint8 (n, CHEST_SIZE, CHEST_SIZE), where
    the chest lies in each crop: `IN_LUNGS`, `IN_HULL` (between and around them) or 0.
    """

    images: NDArray[np.uint8]
    lungs_found: NDArray[np.bool_]
    measurements: FloatImage
    chests: NDArray[np.uint8]

    def measured(self, name: str) -> FloatImage:
        """Give one of the lung measurements for every image."""
        return self.measurements[:, LUNG_MEASUREMENTS.index(name)]


class LungNetwork:
    """The exported lung U-Net, run in float32."""

    def __init__(self, folder: Path) -> None:
        graph = folder / "lungs.xml"
        self._graph = Graph(graph)
        self.sha256 = hashlib.sha256(
            (file_sha256(graph) + file_sha256(folder / "lungs.bin")).encode()
        ).hexdigest()

    def __call__(self, batch: FloatImage) -> FloatImage:
        """Give lung probabilities (n, 128, 128) for inputs (n, 128, 128, 1)."""
        return self._graph(batch)["lungs"][..., 0]


def read_grey(path: Path) -> FloatImage:
    """Read an image file as float32 (height, width) in [0, 1]. Raises `ManifestError`."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ManifestError(f"{path} is not a readable image; remove its row or restore the file.")
    return np.asarray(image, np.float32) / np.float32(255)


def prepare_crops(
    rows: Sequence[ManifestRow],
    *,
    lungs: LungNetwork,
    input_size: int,
    preprocessing: Preprocessing = DEFAULT_PREPROCESSING,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Crops:
    """Run preprocessing over all rows, or read the result of an earlier equal run from the cache.

    The cache's name holds the preprocessing version, the lung network's hash, the size, and every
    file's path, length and time of change, so that a changed input is prepared again.
    """
    cached = None
    if cache_dir is not None:
        cached = cache_dir / f"crops-{_fingerprint(rows, lungs, input_size, preprocessing)}.npz"
        if cached.is_file():
            with np.load(cached) as arrays:
                return Crops(**{field.name: arrays[field.name] for field in fields(Crops)})
    shape = (input_size, input_size) if preprocessing.channels == 1 else (input_size, input_size, 3)
    images = np.empty((len(rows), *shape), np.uint8)
    found = np.empty(len(rows), np.bool_)
    measurements = np.empty((len(rows), len(LUNG_MEASUREMENTS)), np.float32)
    chests = np.empty((len(rows), CHEST_SIZE, CHEST_SIZE), np.uint8)
    for start in range(0, len(rows), BATCH_SIZE):
        chosen = slice(start, min(start + BATCH_SIZE, len(rows)))
        equalised = [equalise(read_grey(row.path)) for row in rows[chosen]]
        probabilities = lungs(np.concatenate([lung_input(image) for image in equalised]))
        for i, (image, lung) in enumerate(zip(equalised, probabilities, strict=True), start):
            prepared = preprocessing.prepare(image, lung, input_size=input_size)
            images[i] = np.rint(prepared.tensor * 255).reshape(shape)
            found[i] = prepared.lungs_found
            measured = lung_measurements(lung)
            measurements[i] = [measured[name] for name in LUNG_MEASUREMENTS]
            chests[i] = _chest_picture(prepared.chest)
        if progress is not None:
            progress(chosen.stop, len(rows))
    if cached is not None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(".partial.npz")
        try:
            np.savez(partial, images=images, lungs_found=found, measurements=measurements, chests=chests)
            partial.rename(cached)
        finally:
            partial.unlink(missing_ok=True)  # a full disk
    return Crops(images, found, measurements, chests)


def _chest_picture(chest: Chest) -> NDArray[np.uint8]:
    """Reduce a chest's two masks to one small picture."""
    size = (CHEST_SIZE, CHEST_SIZE)
    hull, lungs = (
        cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        for mask in (chest.hull, chest.lungs)
    )
    return np.asarray(np.where(lungs, IN_LUNGS, hull * IN_HULL), np.uint8)


def _fingerprint(
    rows: Sequence[ManifestRow], lungs: LungNetwork, input_size: int, preprocessing: Preprocessing
) -> str:
    parts = [preprocessing.version, lungs.sha256, str(input_size), str(CHEST_SIZE)]
    digest = hashlib.sha256(" ".join(parts).encode())
    for row in rows:
        status = row.path.stat()
        digest.update(f"{row.path.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
