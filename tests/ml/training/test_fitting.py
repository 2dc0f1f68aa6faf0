"""Fitting ends early when nothing gets better, and knows so after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from ml.architectures import build
from ml.datasets.augmentation import as_tensor
from ml.training.batches import Sampling, TrainingBatches, TrainingImages
from ml.training.config import TrainingConfig, TrainingProgress
from ml.training.fitting import BEST, HISTORY, STATE, History, fit

pytestmark = pytest.mark.training

SIZE = 32
CONFIG = TrainingConfig(
    (),
    Path(),
    Path(),
    classes={"normal": ("normal",), "covid19": ("covid19",)},
    input_size=SIZE,
    epochs=9,
    patience=2,
    precision="float32",
    progressive_resizing=False,
)


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build("compact_resnet", input_size=None, classes=2)


def go_on(
    network: keras.Model, checkpoint: Path, losses: list[float]
) -> tuple[History, list[TrainingProgress]]:
    """Fit after epochs that measured these losses; the best of them keeps the network's own weights."""
    (checkpoint / STATE).mkdir(parents=True)
    history = [{"size": SIZE, "calibration_loss": loss, "seconds": 1.0} for loss in losses]
    (checkpoint / HISTORY).write_text(json.dumps(history))
    (checkpoint / STATE / "training_metadata.json").write_text(json.dumps({"epoch": len(losses)}))
    network.save_weights(checkpoint / BEST)
    random = np.random.default_rng(2)
    crops = random.integers(0, 255, (8, SIZE, SIZE), np.uint8)
    targets = np.array([0, 1] * 4, np.intp)
    images = TrainingImages(crops, targets, np.array(["one"] * 8), np.zeros_like(crops))
    sampling = Sampling(4, 8, 0.0, "none", 0.0, 0.0, 0.05, (1.0, 1.0), seed=3)
    steps: list[TrainingProgress] = []
    held_out = (as_tensor(crops), targets)
    _, measured = fit(
        network,
        CONFIG,
        batches=lambda epoch: TrainingBatches(images, sampling, size=SIZE, epoch=epoch),
        held_out=held_out,
        checkpoint=checkpoint,
        progress=steps.append,
    )
    return measured, steps


def test_a_run_ends_when_its_patience_does(network: keras.Model, tmp_path: Path) -> None:
    best = network.get_weights()
    history, steps = go_on(network, tmp_path, [0.0001, 0.9])
    assert [step.done for step in steps] == [3], "the third epoch is the second without a better one"
    assert len(history) == 3
    for kept, expected in zip(network.get_weights(), best, strict=True):
        np.testing.assert_array_equal(kept, expected)


def test_a_run_that_had_ended_does_not_go_on(network: keras.Model, tmp_path: Path) -> None:
    history, steps = go_on(network, tmp_path, [0.1, 0.5, 0.4])
    assert steps == []
    assert len(history) == 3


def test_progress_tells_the_time_left(network: keras.Model, tmp_path: Path) -> None:
    _, steps = go_on(network, tmp_path, [5.0, 4.0])
    assert [step.done for step in steps][:1] == [3]
    assert steps[0].metrics["minutes_left"] > 0
    assert steps[0].total == 9
