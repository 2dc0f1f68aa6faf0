"""The golden prediction: a version may serve only if it still answers as on the day it was exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.contracts import Finding, Radiograph, RadiographFacts
from ml.inference.engine import load
from ml.phantom import FULL_SCALE, phantom

GOLDEN_INPUT = "golden.npz"
"""The question travels with the version, so that it stays the same when the phantoms change."""

GOLDEN_LABEL, GOLDEN_SEED, GOLDEN_SIZE = Finding.NORMAL, 20, (256, 256)
TOLERANCES = {"f32": 0.005, "bf16": 0.05, "int8": 0.15}
"""Largest difference of a probability; processors differ in the last bits, bf16 has eight.
INT8 was held against thousands of images when it was exported; here it only has to be the same network."""


class GoldenPredictionError(Exception):
    """The version does not answer as it did when it was exported."""


def golden_prediction(folder: Path) -> dict[str, Any]:
    """Keep a phantom as `golden.npz` and return what to store as `model.json`'s `golden`.

    That is the file's name and the probabilities in float32.
    """
    levels = phantom(GOLDEN_LABEL, seed=GOLDEN_SEED, size=GOLDEN_SIZE) / FULL_SCALE
    np.savez_compressed(folder / GOLDEN_INPUT, pixels=(255 * levels).astype(np.uint8))
    classifier = load(folder, precision="f32")
    return {
        "input": GOLDEN_INPUT,
        "probabilities": classifier.probabilities(_question(folder / GOLDEN_INPUT)),
    }


def golden_check(folder: Path, *, precision: str = "auto") -> None:
    """Load a version and ask it the question of its golden prediction.

    Raises `GoldenPredictionError`, `ModelFolderError` or `ModelLoadError`.
    """
    classifier = load(folder, precision=precision)
    golden: Mapping[str, Any] = classifier.spec.golden
    try:
        question = _question(folder / Path(str(golden["input"])).name)
        expected = {name: float(value) for name, value in golden["probabilities"].items()}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise GoldenPredictionError(
            f"model.json holds no usable golden prediction ({error!r}); export the version again."
        ) from error
    found = classifier.probabilities(question)
    if found.keys() != expected.keys():
        raise GoldenPredictionError(
            f"The version answers for {', '.join(found)}, its golden prediction for {', '.join(expected)}"
        )
    difference = max(abs(found[name] - expected[name]) for name in expected)
    if not difference <= TOLERANCES[classifier.precision]:
        raise GoldenPredictionError(
            f"A probability differs by {difference:.3g} from the golden prediction, at most "
            f"{TOLERANCES[classifier.precision]:g} is allowed in {classifier.precision}"
        )


def _question(path: Path) -> Radiograph:
    with np.load(path, allow_pickle=False) as arrays:
        pixels = np.asarray(arrays["pixels"], np.uint8)
    return Radiograph(np.asarray(pixels / 255, np.float32), RadiographFacts(file_format="png"))
