"""Data sets of phantoms with or without a marker that gives the label away, and a model trained on them.

The model is linear in an 8 x 8 grid of the lung crop: small enough to train for many seeds, large enough
to learn a marker in a corner, or anatomy where there is no marker.
"""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops
from sklearn.linear_model import LogisticRegression

from ml.audit.network import Film
from ml.contracts import FloatImage, ModelSpec
from ml.datasets.augmentation import as_tensor
from ml.datasets.crops import LungNetwork, prepare_crops
from ml.datasets.manifest import read_manifest
from ml.model_folder import write_spec
from ml.phantom import FULL_SCALE, image_of
from ml.preprocessing import DEFAULT_PREPROCESSING, lung_input
from tests.ml.conftest import BUNDLED

KINDS = ("normal", "covid19")
PER_KIND = 30
SIDE = 160
INPUT_SIZE = 64
GRID = 8
SHAPES = ("square", "letter", "disc")


@functools.cache
def lungs() -> LungNetwork:
    """Give the bundled lung network."""
    return LungNetwork(BUNDLED)


@functools.cache
def films() -> tuple[Film, ...]:
    """Draw `PER_KIND` phantoms of each kind, one kind after the other, and find their lungs."""
    images = [
        (image_of(kind, seed=seed, size=(SIDE, SIDE)) / FULL_SCALE).astype(np.float32)
        for kind in KINDS
        for seed in range(PER_KIND)
    ]
    found = lungs()(np.concatenate([lung_input(image) for image in images]))
    return tuple(Film(image, probabilities) for image, probabilities in zip(images, found, strict=True))


def marked(film: Film, shape: str, *, seed: int) -> FloatImage:
    """Draw a small marker beside the apex, inside the box that the network is shown, outside the lungs."""
    chance = np.random.default_rng([seed, 1])
    side = int(chance.integers(13, 17))
    left = film.box.left if seed % 2 == 0 else film.box.right - side
    top, left = film.box.top + int(chance.integers(0, 4)), left + int(chance.integers(-1, 2))
    middle = (left + side // 2, top + side // 2)
    ink = np.zeros(film.image.shape, np.uint8)
    if shape == "square":
        cv2.rectangle(ink, (left, top), (left + side, top + side), 255, -1)
    elif shape == "letter":
        cv2.putText(ink, "L", (left, top + side), cv2.FONT_HERSHEY_SIMPLEX, side / 20, 255, 6)
    else:
        cv2.circle(ink, middle, side // 2, 255, -1)
    return np.where((ink > 0) & ~film.lungs, np.float32(1.0), film.image)


def write_data(folder: Path, *, seed: int, shape: str | None) -> Path:
    """Write phantoms and a manifest of three folds.

    With the shape of a marker, labels are drawn by lot and every `covid19` carries it: nothing else tells
    them apart. Without, the label is what the phantom shows.
    """
    folder.mkdir(parents=True)
    chance = np.random.default_rng([seed, 2])
    rows = []
    for kind_number in range(len(KINDS)):
        lot = chance.permutation(np.arange(PER_KIND) % 2)
        order = chance.permutation(PER_KIND)
        for number, position in enumerate(order):
            film = films()[kind_number * PER_KIND + position]
            label = KINDS[kind_number] if shape is None else KINDS[lot[number]]
            is_marked = shape is not None and label == "covid19"
            image = marked(film, shape, seed=seed) if is_marked and shape else film.image
            name = f"{kind_number}-{position}.png"
            assert cv2.imwrite(str(folder / name), (image * 255 + 0.5).astype(np.uint8))
            rows.append({"file": name, "label": label, "fold": number % 3, "source": "drawn"})
    path = folder / "manifest.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_linear_version(folder: Path, manifest_path: Path) -> ModelSpec:
    """Train on folds 1 and 2 and write a model version; fold 0 is its test fold."""
    manifest = read_manifest(manifest_path)
    rows = [row for row in manifest.radiographs if row.fold != 0]
    crops = prepare_crops(rows, lungs=lungs(), input_size=INPUT_SIZE)
    model = LogisticRegression(C=100.0, max_iter=5000)
    model.fit(_pooled(as_tensor(crops.images)), [KINDS.index(row.label) for row in rows])
    return _write(folder, manifest.sha256, model.coef_[0], float(model.intercept_[0]))


def _pooled(tensors: FloatImage) -> FloatImage:
    cell = INPUT_SIZE // GRID
    cells = tensors.reshape(len(tensors), GRID, cell, GRID, cell).mean(axis=(2, 4))
    return np.asarray(cells.reshape(len(tensors), -1), np.float32)


def _write(folder: Path, manifests: object, coefficients: NDArray[np.float64], intercept: float) -> ModelSpec:
    folder.mkdir(parents=True)
    for name in ("lungs.xml", "lungs.bin", "lungs.json"):
        (folder / name).write_bytes((BUNDLED / name).read_bytes())
    openvino.save_model(_graph(coefficients, intercept), str(folder / "model.xml"), compress_to_fp16=False)
    settings = {"folds": None, "test_fold": 0, "calibration_fold": None, "seed": 0}
    (folder / "lineage.json").write_text(json.dumps({"settings": settings, "manifests": manifests}))
    return write_spec(
        folder,
        ModelSpec(
            name="linear",
            architecture="linear",
            labels=KINDS,
            input_size=INPUT_SIZE,
            preprocessing_version=DEFAULT_PREPROCESSING.version,
            preprocessing=DEFAULT_PREPROCESSING.to_json(),
            temperature=1.0,
            conformal_quantiles=dict.fromkeys(KINDS, 0.7),
            operating_points=dict.fromkeys(KINDS, 0.5),
        ),
    )


def _graph(coefficients: NDArray[np.float64], intercept: float) -> openvino.Model:
    """Give class maps linear in the grid's cells, and their mean plus a bias as logits."""
    image = ops.parameter([-1, INPUT_SIZE, INPUT_SIZE, 1], np.float32, name="image")
    cell = [INPUT_SIZE // GRID] * 2
    pooled = ops.avg_pool(
        ops.transpose(image, ops.constant(np.array([0, 3, 1, 2]))), cell, [0, 0], [0, 0], cell, True
    )
    weights = coefficients.reshape(1, GRID, GRID, 1) * np.array([-0.5, 0.5]) * GRID**2
    maps = ops.multiply(
        ops.transpose(pooled, ops.constant(np.array([0, 2, 3, 1]))),
        ops.constant(weights.astype(np.float32)),
    )
    maps.output(0).get_tensor().set_names({"class_maps"})
    bias = ops.constant(np.array([-0.5, 0.5], np.float32) * np.float32(intercept))
    logits = ops.add(ops.reduce_mean(maps, ops.constant(np.array([1, 2])), False), bias)
    logits.output(0).get_tensor().set_names({"logits"})
    return openvino.Model([ops.result(logits), ops.result(maps)], [image], "linear")
