"""The golden prediction: a version may serve only if it still answers as on the day it was exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.contracts import Finding, Radiograph, RadiographFacts
from ml.inference.engine import OpenVinoClassifier, load
from ml.phantom import FULL_SCALE, phantom

GOLDEN_LABEL = Finding.NORMAL
GOLDEN_SEED = 20
TOLERANCES = {"f32": 0.005, "bf16": 0.05}
"""Largest difference of a probability; processors differ in the last bits, bf16 has eight."""


class GoldenPredictionError(Exception):
    """The version does not answer as it did when it was exported."""


def golden_prediction(folder: Path) -> dict[str, Any]:
    """Return what to store as `model.json`'s `golden`: a phantom, and the probabilities in float32."""
    classifier = load(folder, precision="f32")
    return {
        "phantom": {"label": GOLDEN_LABEL.value, "seed": GOLDEN_SEED},
        "probabilities": _answer(classifier, GOLDEN_LABEL, GOLDEN_SEED),
    }


def golden_check(folder: Path, *, precision: str = "auto") -> None:
    """Load a version and ask it the question of its golden prediction.

    Raises `GoldenPredictionError`, `ModelFolderError` or `ModelLoadError`.
    """
    check_classifier(load(folder, precision=precision))


def check_classifier(classifier: OpenVinoClassifier) -> None:
    """Compare a loaded version with its golden prediction; raises `GoldenPredictionError`."""
    golden: Mapping[str, Any] = classifier.spec.golden
    try:
        label, seed = Finding(golden["phantom"]["label"]), int(golden["phantom"]["seed"])
        expected = {name: float(value) for name, value in golden["probabilities"].items()}
    except (KeyError, TypeError, ValueError) as error:
        raise GoldenPredictionError(
            f"model.json holds no usable golden prediction ({error!r}); export the version again."
        ) from error
    found = _answer(classifier, label, seed)
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


def _answer(classifier: OpenVinoClassifier, label: Finding, seed: int) -> dict[str, float]:
    image = np.asarray(phantom(label, seed=seed, size=(512, 512)) / FULL_SCALE, np.float32)
    return classifier.probabilities(Radiograph(image, RadiographFacts(file_format="png")))
