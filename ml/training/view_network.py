"""Train the view network of the fitness gate."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from ml.architectures.view_network import view_network
from ml.contracts import FloatImage
from ml.datasets.view_examples import ViewExamples
from ml.inference.views import VIEW_INPUT_SIZE, VIEWS, View

BATCH_SIZE = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3
LABEL_SMOOTHING = 0.02
GAMMA = (0.7, 1.4)


def train_views(
    examples: ViewExamples,
    *,
    epochs: int,
    seed: int,
    progress: Callable[[str], None] = lambda line: None,
) -> keras.Model:
    """Train on all examples, good ones and unfit ones weighing the same; returns the network.

    Rare kinds count for more than their number: each example's weight falls with the root of its kind's.
    Mirror images and gammas are drawn anew in every epoch.
    """
    keras.utils.set_random_seed(seed)
    network = view_network(VIEW_INPUT_SIZE, len(VIEWS))
    count = len(examples.views)
    batch_size = min(BATCH_SIZE, count)
    steps = epochs * (count // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20,
        decay_steps=steps,
        alpha=0.02,
        warmup_target=LEARNING_RATE,
        warmup_steps=max(1, steps // 20),
    )
    network.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
    )
    truth = np.eye(len(VIEWS), dtype=np.float32)[examples.views]
    weights = example_weights(examples)
    random = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = random.permutation(count)
        losses = []
        for start in range(0, count - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            batch = _augmented(examples.inputs[chosen], random)
            losses.append(network.train_on_batch(batch, truth[chosen], sample_weight=weights[chosen]))
        progress(f"view network, epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}")
    return network


def example_weights(examples: ViewExamples) -> FloatImage:
    """Weigh examples (n,) to a mean of 1, so that good and unfit ones have half the sum each."""
    _, kind, counts = np.unique(examples.kinds, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[kind])
    good = examples.views == VIEWS.index(View.FRONTAL)
    for side in (good, ~good):
        weights[side] /= max(float(weights[side].sum()), 1e-9)
    return np.asarray(weights * (len(weights) / weights.sum()), np.float32)


def _augmented(inputs: NDArray[np.uint8], random: np.random.Generator) -> FloatImage:
    batch = inputs.astype(np.float32) / np.float32(255)
    mirrored = random.random(len(batch)) < 0.5
    batch[mirrored] = batch[mirrored, :, ::-1]
    gamma = random.uniform(*GAMMA, (len(batch), 1, 1)).astype(np.float32)
    return (batch**gamma)[..., np.newaxis]
