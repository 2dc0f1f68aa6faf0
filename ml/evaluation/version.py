"""Measure a model version on a manifest, by its exported graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.datasets.augmentation import as_tensor
from ml.datasets.crops import LungNetwork, prepare_crops
from ml.datasets.manifest import ManifestError, read_manifest
from ml.evaluation.calibration import calibrated
from ml.evaluation.metrics import evaluation_report
from ml.graph import Graph
from ml.model_folder import ModelFolderError, check_folder
from ml.preprocessing import Preprocessing, PreprocessingError


def evaluate_version(
    folder: Path,
    *manifests: Path,
    fold: int | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Give the evaluation of a model version on a manifest's radiographs, or on one fold of them.

    Labels are gathered into the version's classes as they were in its training; others and `ood_*` are
    left out. Fitness is not applied: every image counts. Raises `ModelFolderError` or `ManifestError`.
    """
    spec = check_folder(folder)
    try:
        preprocessing = Preprocessing.from_json(spec.preprocessing)
    except PreprocessingError as error:
        raise ModelFolderError(f"{folder}: {error}") from error
    classes = json.loads((folder / "lineage.json").read_text())["settings"]["classes"]
    index = {label: spec.labels.index(name) for name, labels in classes.items() for label in labels}
    rows = [row for row in read_manifest(*manifests).radiographs if row.label in index]
    if fold is not None:
        rows = [row for row in rows if row.fold == fold]
    if not rows:
        where = "" if fold is None else f" in fold {fold}"
        raise ManifestError(f"No radiograph of {', '.join(spec.labels)}{where}; nothing to measure.")
    crops = prepare_crops(
        rows,
        lungs=LungNetwork(folder),
        input_size=spec.input_size,
        preprocessing=preprocessing,
        cache_dir=cache_dir,
        progress=progress,
    )
    logits = Graph(folder / "model.xml")(as_tensor(crops.images))["logits"]
    return evaluation_report(
        calibrated(logits, spec.temperature),
        np.array([index[row.label] for row in rows], np.intp),
        spec=spec,
        rows=rows,
    )
