"""A model version small enough to build in a test: real OpenVINO graphs of a few nodes.

The lung graph calls dark pixels lung; the classifier's class maps are linear in the image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as ops

from ml.contracts import Finding, FloatImage, ModelSpec
from ml.model_folder import write_spec
from ml.preprocessing import DEFAULT_PREPROCESSING, LUNG_INPUT_SIZE
from tests.ml.conftest import chest

INPUT_SIZE = 64
LABELS = tuple(finding.value for finding in Finding)
FITNESS = {"lung_area_min": 0.05, "lung_area_max": 0.7, "lung_symmetry_min": 0.3, "lung_box_fill_min": 0.2}


def write_tiny_version(
    folder: Path,
    *,
    slopes: tuple[float, ...] = (-8.0, 8.0, 0.0, 2.0, -1.0),
    quantile: float = 0.7,
    **changes: object,
) -> ModelSpec:
    """Write graphs, weights and `model.json`; a class's logit is its slope times the mean grey."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(_lungs(), folder / "lungs.xml")
    _save(_classifier(np.array(slopes, np.float32)), folder / "model.xml")
    (folder / "card.md").write_text("# Tiny\n")
    values: dict[str, object] = {
        "name": "tiny",
        "architecture": "none",
        "labels": LABELS,
        "input_size": INPUT_SIZE,
        "preprocessing_version": DEFAULT_PREPROCESSING.version,
        "preprocessing": DEFAULT_PREPROCESSING.to_json(),
        "temperature": 1.0,
        "conformal_quantiles": dict.fromkeys(LABELS, quantile),
        "operating_points": dict.fromkeys(LABELS, 0.5),
        "fitness": FITNESS,
    }
    return write_spec(folder, ModelSpec(**{**values, **changes}))  # type: ignore[arg-type]  # varied by name


def _save(model: openvino.Model, path: Path) -> None:
    openvino.save_model(model, str(path), compress_to_fp16=False)


def _lungs() -> openvino.Model:
    image = ops.parameter([-1, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE, 1], np.float32, name="image")
    darkness = ops.multiply(ops.subtract(ops.constant(np.float32(0.4)), image), ops.constant(np.float32(40)))
    lungs = ops.sigmoid(darkness)
    lungs.output(0).get_tensor().set_names({"lungs"})
    return openvino.Model([ops.result(lungs)], [image], "lungs")


def _classifier(slopes: np.ndarray) -> openvino.Model:
    image = ops.parameter([-1, INPUT_SIZE, INPUT_SIZE, 1], np.float32, name="image")
    channels_first = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2])))
    pooled = ops.avg_pool(channels_first, [8, 8], [0, 0], [0, 0], [8, 8], True)
    maps = ops.multiply(
        ops.transpose(pooled, ops.constant(np.array([0, 2, 3, 1]))), ops.constant(slopes.reshape(1, 1, 1, -1))
    )
    maps.output(0).get_tensor().set_names({"class_maps"})
    logits = ops.reduce_mean(maps, ops.constant(np.array([1, 2])), False)
    logits.output(0).get_tensor().set_names({"logits"})
    return openvino.Model([ops.result(logits), ops.result(maps)], [image], "classifier")


def shaded_chest(*, height: int = 200, width: int = 220, seed: int = 0, opacity: float = 0.0) -> FloatImage:
    """Draw `chest` with a body that grows denser downwards, as bodies do: a flat one is refused."""
    shading = np.linspace(0.65, 1.2, height, dtype=np.float32)[:, np.newaxis]
    image = chest(height=height, width=width, seed=seed, opacity=opacity) * shading
    return np.asarray(np.clip(image, 0, 1), np.float32)
