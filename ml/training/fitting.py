"""Fit a network: averaged weights, the best epoch, an early end, and going on after an interruption."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import log_loss

from ml.contracts import FloatImage
from ml.evaluation.calibration import Targets, calibrated, fit_temperature
from ml.training.batches import TrainingBatches
from ml.training.config import ProgressCallback, TrainingConfig, TrainingProgress

WARM_UP_SHARE = 0.05
STATE, BEST, HISTORY = "state", "best.weights.h5", "history.json"
History = list[dict[str, float]]


def fit(
    network: keras.Model,
    config: TrainingConfig,
    *,
    batches: Callable[[int], TrainingBatches],
    held_out: tuple[FloatImage, Targets],
    checkpoint: Path,
    progress: ProgressCallback,
) -> tuple[list[FloatImage], History]:
    """Train, and return the weights of the best epoch and what every epoch measured.

    The best epoch has the smallest loss, once calibrated, on the held-out images (n, s, s, c) with their
    class numbers; only epochs at full size count, and each is measured with exponentially averaged weights
    where the settings ask for them. `batches` makes the batches from an epoch on. The state is kept in the
    folder `checkpoint` after every epoch; a run that finds one there goes on after it.
    """
    best = _BestEpoch(config, held_out, checkpoint, progress)
    callbacks: list[keras.callbacks.Callback] = [
        # Before the averages are swapped in: it must keep the weights that training goes on with.
        keras.callbacks.BackupAndRestore(
            str(checkpoint / STATE), double_checkpoint=True, delete_checkpoint=False
        ),
        best,
    ]
    if config.ema_momentum:
        # In the model only while an epoch is measured, so before that.
        callbacks.insert(1, keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    steps = len(batches(0))
    network.compile(
        optimizer=_optimizer(config, steps=config.epochs * steps),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    while best.epochs_done < config.epochs and not best.ended_early:
        # One call per size of the images: Keras fixes the shape of a call's batches.
        first = best.epochs_done
        until = _same_size_until(config, first)
        network.fit(
            batches(first),
            initial_epoch=first,
            epochs=until,
            # The batches are in random order already, one that an interrupted run finds again.
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    return best.weights(network), best.history


def _same_size_until(config: TrainingConfig, first: int) -> int:
    """Give the first epoch after `first` whose images have another size, or the number of epochs."""
    later = range(first + 1, config.epochs)
    return next((e for e in later if config.size_at(e) != config.size_at(first)), config.epochs)


class _BestEpoch(keras.callbacks.Callback):
    """Measures every epoch, keeps the best one's weights, ends the run when it stops getting better."""

    def __init__(
        self,
        config: TrainingConfig,
        held_out: tuple[FloatImage, Targets],
        checkpoint: Path,
        progress: ProgressCallback,
    ) -> None:
        super().__init__()
        self._config = config
        self._images, self._targets = held_out
        self._checkpoint = checkpoint
        self._report = progress
        self.epochs_done, self.history = _kept_so_far(checkpoint)
        self._began = time.monotonic()

    @property
    def ended_early(self) -> bool:
        """Whether the last `patience` measured epochs brought nothing better."""
        losses = self._losses()
        if self._config.patience is None or len(losses) <= self._config.patience:
            return False
        return min(losses[-self._config.patience :]) > min(losses)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._began = time.monotonic()
        # What dropout drops follows from seed and epoch, so that a run that goes on drops the same.
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign((self._config.seed, epoch))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        size = self._config.size_at(epoch)
        figures = {"size": float(size), "loss": float((logs or {})["loss"])}
        if size == self._config.input_size:
            figures |= self._measured()
            if figures["calibration_loss"] < min(self._losses(), default=math.inf):
                self._keep()
        figures["seconds"] = time.monotonic() - self._began
        self.epochs_done = epoch + 1
        self.history.append({name: round(value, 4) for name, value in figures.items()})
        self._write_history()
        left = self._config.epochs - epoch - 1
        seconds = float(np.mean([row["seconds"] for row in self.history[-3:]]))
        self._report(
            TrainingProgress(
                "training", epoch + 1, self._config.epochs, {**figures, "minutes_left": left * seconds / 60}
            )
        )
        if self.ended_early:
            self.model.stop_training = True

    def weights(self, network: keras.Model) -> list[FloatImage]:
        """Give the best epoch's weights; `network` lends its shape."""
        _without_optimizer(network).load_weights(self._checkpoint / BEST)
        weights: list[FloatImage] = network.get_weights()
        return weights

    def _losses(self) -> list[float]:
        return [row["calibration_loss"] for row in self.history if "calibration_loss" in row]

    def _measured(self) -> dict[str, float]:
        logits = self.model.predict(self._images, batch_size=64, verbose=0)
        probabilities = calibrated(logits, fit_temperature(logits, self._targets))
        return {
            "calibration_loss": log_loss(self._targets, probabilities, labels=range(logits.shape[1])),
            "calibration_accuracy": float((probabilities.argmax(axis=1) == self._targets).mean()),
        }

    def _keep(self) -> None:
        partial = self._checkpoint / f"partial-{BEST}"
        _without_optimizer(self.model).save_weights(partial)
        partial.replace(self._checkpoint / BEST)

    def _write_history(self) -> None:
        partial = self._checkpoint / "partial-history.json"
        partial.write_text(json.dumps(self.history))
        partial.replace(self._checkpoint / HISTORY)


def _without_optimizer(network: keras.Model) -> keras.Model:
    """Share a network's layers, but not its optimizer, whose state would be most of a file of weights."""
    return keras.Model(network.inputs, network.outputs)


def _kept_so_far(checkpoint: Path) -> tuple[int, History]:
    """Read how many epochs an interrupted run had behind it, and what they measured."""
    state = checkpoint / STATE / "training_metadata.json"
    if not (checkpoint / HISTORY).is_file() or not state.is_file():
        return 0, []
    return int(json.loads(state.read_text())["epoch"]), json.loads((checkpoint / HISTORY).read_text())


def _optimizer(config: TrainingConfig, *, steps: int) -> keras.optimizers.Optimizer:
    warm_up = max(1, int(WARM_UP_SHARE * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 20,
        decay_steps=max(1, steps - warm_up),
        alpha=0.1,
        warmup_target=config.learning_rate,
        warmup_steps=warm_up,
    )
    averaging: dict[str, Any] = (
        {"use_ema": True, "ema_momentum": config.ema_momentum} if config.ema_momentum else {}
    )
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **averaging)
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate, **averaging)
    adamw = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **averaging)
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw
