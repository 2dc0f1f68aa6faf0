"""Training throughput: our fit with all that it does, against a plain `model.fit` on the same tensors.

Ours draws, augments and blends every image, averages the weights, and after every epoch measures held-out
images and keeps the run's state. The peer shuffles images that lie ready, and measures the same held-out
images. Network, precision, image and batch size are the same.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.figures import Figure

SIZE, BATCH_SIZE = 96, 32
CROPS, HELD_OUT = 384, 64
EPOCH_SIZE = 1536
"""Shorter than any real epoch, after each of which ours has more to do than the peer."""
EPOCHS = 3
"""Of each fit; the first one also builds the graph and does not count."""
ROUNDS = 2
"""The two take turns, so that the machine's moods meet both."""


class Moment(NamedTuple):
    """When an epoch ended: on the wall clock, and in seconds that the processor has worked for us."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Moment:
        """Read both clocks."""
        return cls(time.perf_counter(), time.process_time())


def measure() -> list[Figure]:
    """Train both on noise: time does not depend on what an image shows."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    from ml.architectures import build
    from ml.datasets.augmentation import as_tensor
    from ml.datasets.crops import CHEST_SIZE
    from ml.training.batches import TrainingBatches, TrainingImages
    from ml.training.config import TrainingConfig
    from ml.training.fitting import fit
    from ml.training.precision import dtype_policy

    random = np.random.default_rng(7)
    config = TrainingConfig(
        (),
        Path(),
        Path(),
        input_size=SIZE,
        epochs=EPOCHS,
        epoch_size=EPOCH_SIZE,
        batch_size=BATCH_SIZE,
        progressive_resizing=False,
    )
    classes = len(config.classes)
    crops = random.integers(0, 256, (CROPS + HELD_OUT, SIZE, SIZE), np.uint8)
    targets = random.integers(0, classes, len(crops)).astype(np.intp)
    training = TrainingImages(
        crops[HELD_OUT:],
        targets[HELD_OUT:],
        random.choice(["first", "second", "third"], CROPS),
        np.zeros((CROPS, CHEST_SIZE, CHEST_SIZE), np.uint8),
    )
    held_out = as_tensor(crops[:HELD_OUT]), targets[:HELD_OUT]
    sampling = config.sampling(images=CROPS)

    def batches(epoch: int) -> TrainingBatches:
        return TrainingBatches(training, sampling, size=SIZE, epoch=epoch)

    def network() -> keras.Model:
        with dtype_policy(config.precision):
            return build(config.architecture, input_size=None, classes=classes)

    def ours() -> list[Moment]:
        ended: list[Moment] = []
        with tempfile.TemporaryDirectory() as checkpoint:
            fit(
                network(),
                config,
                batches=batches,
                held_out=held_out,
                checkpoint=Path(checkpoint),
                progress=lambda step: ended.append(Moment.now()),
            )
        return ended

    repeats = EPOCH_SIZE // CROPS
    tensors = np.tile(as_tensor(training.crops), (repeats, 1, 1, 1))
    one_hot = np.eye(classes, dtype=np.float32)

    def plain() -> list[Moment]:
        ended: list[Moment] = []
        model = network()
        model.compile(
            optimizer=keras.optimizers.AdamW(config.learning_rate),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        )
        model.fit(
            tensors,
            np.tile(one_hot[training.targets], (repeats, 1)),
            batch_size=BATCH_SIZE,
            epochs=EPOCHS,
            validation_data=(held_out[0], one_hot[held_out[1]]),
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(Moment.now()))
            ],
        )
        return ended

    rounds = [(ours(), plain()) for _ in range(ROUNDS)]
    our_epochs, plain_epochs = zip(*rounds, strict=True)
    our_rate, plain_rate = images_per_second(our_epochs), images_per_second(plain_epochs)
    return [
        Figure(f"our fit, {SIZE} px, with augmentation and averaging", our_rate, "images/s"),
        Figure("plain model.fit on images that lie ready", plain_rate, "images/s"),
        Figure("ratio, ours to plain", our_rate / plain_rate, "×", aim=1, at_least=True),
        Figure("our fit, processor time of all cores", processor_ms(our_epochs), "ms/image"),
        Figure("plain model.fit, processor time of all cores", processor_ms(plain_epochs), "ms/image"),
        Figure("our batches alone, one thread", _batches_alone(batches(0)), "images/s"),
    ]


def images_per_second(fits: Sequence[Sequence[Moment]]) -> float:
    """Give the median rate of the epochs of some fits; a fit's first epoch is left out."""
    return EPOCH_SIZE / statistics.median(
        later.wall - earlier.wall for ended in fits for earlier, later in pairwise(ended)
    )


def processor_ms(fits: Sequence[Sequence[Moment]]) -> float:
    """Give the median processor time per image, which others on a busy machine hardly change."""
    return (
        1000
        / EPOCH_SIZE
        * statistics.median(
            later.processor - earlier.processor for ended in fits for earlier, later in pairwise(ended)
        )
    )


def _batches_alone(batches: Sequence[object]) -> float:
    begun = time.perf_counter()
    for index in range(len(batches)):
        batches[index]
    return EPOCH_SIZE / (time.perf_counter() - begun)
