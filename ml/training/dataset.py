"""What a training run works on: a manifest's radiographs as crops, on their sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.datasets.crops import Crops, LungNetwork, prepare_crops
from ml.datasets.manifest import Manifest, ManifestRow, read_manifest, select_classes
from ml.datasets.split import Split, split_rows
from ml.evaluation.calibration import Targets
from ml.training.checks import check_run
from ml.training.config import ProgressCallback, TrainingConfig, TrainingProgress


@dataclass(frozen=True, slots=True)
class Dataset:
    """A manifest's radiographs with their class numbers, crops and sides."""

    manifest: Manifest
    rows: tuple[ManifestRow, ...]
    targets: Targets
    crops: Crops
    split: Split


def load_dataset(config: TrainingConfig, lungs: LungNetwork, progress: ProgressCallback) -> Dataset:
    """Read and check the manifests, split by group, and prepare every crop."""
    manifest = read_manifest(*config.manifests)
    rows, targets = select_classes(manifest.radiographs, config.classes)
    check_run(config, manifest, rows, targets, progress=progress)
    split = split_rows(
        rows,
        targets,
        folds=config.folds,
        test_fold=config.test_fold,
        calibration_fold=config.calibration_fold,
        seed=config.seed,
    )
    crops = prepare_crops(
        rows,
        lungs=lungs,
        input_size=config.input_size,
        preprocessing=config.preprocessing,
        cache_dir=config.cache_dir,
        progress=lambda done, total: progress(TrainingProgress("preparing", done, total)),
    )
    return Dataset(manifest, rows, np.array(targets, np.intp), crops, split)
