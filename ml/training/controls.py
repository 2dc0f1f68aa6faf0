"""Negative controls: trainings that must fail, and tell by how much they do not what leaks.

A network trained on shuffled labels can only guess; one trained on radiographs whose lungs are painted over
should not do much better. What it still recognises, the data give away outside the lungs (Maguolo 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import recall_score

from ml.datasets.crops import LungNetwork
from ml.datasets.surroundings import lungs_removed
from ml.evaluation.generalisation import LUNGS_BLACKED_OUT, SHUFFLED_LABELS
from ml.evaluation.resampling import rounded
from ml.training.config import ProgressCallback, TrainingConfig
from ml.training.dataset import Dataset, load_dataset
from ml.training.lineage import recorded_config
from ml.training.trial import Measured, named, trained


def controls(config: TrainingConfig, data: Dataset, progress: ProgressCallback) -> dict[str, Any]:
    """Train a recipe on shuffled labels, and without lungs; give `n balanced_accuracy chance` of both."""
    shuffled = _with_shuffled_labels(data, seed=config.seed)
    answers = trained(config, shuffled, named(progress, "shuffled labels"))
    emptied = trained(config, _without_lungs(data, seed=config.seed), named(progress, "without lungs"))
    return {
        SHUFFLED_LABELS: _figures(replace(answers, targets=data.targets[data.split.test])),
        LUNGS_BLACKED_OUT: _figures(emptied),
    }


def version_controls(
    folder: Path, *manifests: Path, cache_dir: Path | None = None, progress: ProgressCallback
) -> Mapping[str, Any]:
    """Train the controls of the recipe that a version was made by, on these manifests.

    Raises `TrainingConfigError` or `ManifestError`.
    """
    config = recorded_config(folder, manifests, cache_dir=cache_dir)
    config.check()
    keras.utils.set_random_seed(config.seed)
    data = load_dataset(config, LungNetwork(config.lungs), progress)
    return controls(config, data, progress)


def _with_shuffled_labels(data: Dataset, *, seed: int) -> Dataset:
    """Deal the labels of the training and of the calibration side out anew."""
    random = np.random.default_rng(seed)
    targets = data.targets.copy()
    for side in (data.split.training, data.split.calibration):
        targets[side] = random.permutation(targets[side])
    return replace(data, targets=targets)


def _without_lungs(data: Dataset, *, seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    pairs = zip(data.crops.images, data.crops.chests, strict=True)
    images = np.stack([lungs_removed(crop, chest, random) for crop, chest in pairs])
    return replace(data, crops=replace(data.crops, images=images))


def _figures(measured: Measured) -> dict[str, Any]:
    predicted = measured.probabilities.argmax(axis=1)
    classes = np.unique(measured.targets)
    recall = recall_score(measured.targets, predicted, labels=classes, average="macro", zero_division=0)
    return {
        "n": len(measured.rows),
        "balanced_accuracy": rounded(float(recall)),
        "chance": rounded(1 / len(classes)),
    }
