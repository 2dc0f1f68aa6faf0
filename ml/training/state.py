"""Where an unfinished run keeps its state."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.model_folder import WEIGHTS_NAME, file_sha256
from ml.training.config import TrainingConfig, TrainingConfigError
from ml.training.dataset import Dataset
from ml.training.lineage import settings_record


@contextmanager
def run_state(config: TrainingConfig, data: Dataset) -> Iterator[Path]:
    """Give the folder of a run's state, named by all that the run depends on; a finished run takes it away.

    What a killed process left there is what an equal run goes on from. A run that cannot go on leaves
    nothing.
    """
    if config.cache_dir is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    digest = hashlib.sha256(json.dumps(settings_record(config), sort_keys=True).encode())
    for weights in (config.init and config.init / WEIGHTS_NAME, config.weights):
        digest.update(file_sha256(weights).encode() if weights and weights.is_file() else b"none")
    for side in (data.split.training, data.split.calibration):
        digest.update(side.tobytes())
        digest.update(data.targets[side].tobytes())
        digest.update(data.crops.images[side].tobytes())
    folder = config.cache_dir / f"run-{digest.hexdigest()[:24]}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except (OSError, TrainingConfigError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
