"""Train once, and answer for images that the network has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml.datasets.augmentation import as_tensor
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Probabilities, Targets, calibrated, fit_temperature
from ml.training.config import ProgressCallback, TrainingConfig, TrainingProgress
from ml.training.dataset import Dataset
from ml.training.run import fitted
from ml.training.state import run_state


@dataclass(frozen=True, slots=True)
class Measured:
    """One trained network's calibrated probabilities (n, k) for images it had not seen, and their rows."""

    probabilities: Probabilities
    targets: Targets
    rows: tuple[ManifestRow, ...]


def trained(config: TrainingConfig, data: Dataset, progress: ProgressCallback) -> Measured:
    """Train on one side, calibrate on another, and answer for the test side."""
    with run_state(config, data) as state:
        network, _ = fitted(config, data, state, progress)
    kept, tested = data.split.calibration, data.split.test
    temperature = fit_temperature(_logits(network, data, kept), data.targets[kept])
    return Measured(
        calibrated(_logits(network, data, tested), temperature),
        data.targets[tested],
        tuple(data.rows[i] for i in tested),
    )


def _logits(network: keras.Model, data: Dataset, where: NDArray[np.intp]) -> Any:
    return network.predict(as_tensor(data.crops.images[where]), batch_size=64, verbose=0)


def pooled(parts: Sequence[Measured]) -> Measured:
    """Put together what several networks answered, each for images of its own."""
    return Measured(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.targets for part in parts]),
        tuple(row for part in parts for row in part.rows),
    )


def named(progress: ProgressCallback, name: str) -> ProgressCallback:
    """Say before every step which of the trainings it belongs to."""

    def report(step: TrainingProgress) -> None:
        progress(replace(step, stage=f"{name}: {step.stage}"))

    return report
