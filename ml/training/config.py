"""What one training run is made from: everything that its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml.architectures import CLASSIFIERS, ENSEMBLE, InputSizeError, check_input_size
from ml.architectures.initial_weights import InitialWeightsError, find_weights
from ml.contracts import Finding
from ml.preprocessing import DEFAULT_PREPROCESSING, Preprocessing
from ml.training.batches import MIXINGS, Sampling
from ml.training.precision import PRECISIONS

GROWTH = ((0.5, 0.6), (0.8, 0.8), (1.0, 1.0))
"""Until which share of the epochs images have which share of the final side."""
GROWTH_CONTINUED = ((0.6, 0.8), (1.0, 1.0))
"""The same for a run that starts from trained weights, which know the coarse things already."""
SIZE_STEP = 16
"""Sides of smaller images are multiples of the network's total stride."""

OPTIMIZERS = ("adamw", "adam", "sgd")
DEFAULT_CLASSES: Mapping[str, tuple[str, ...]] = {str(f): (str(f),) for f in Finding}


class TrainingConfigError(ValueError):
    """A setting cannot be honoured; says which, and what is allowed."""


@dataclass(frozen=True)
class TrainingConfig:
    """One run's settings.

    `classes` maps each class to the manifest labels it gathers; labels in no class are left out.
    `class_weights` multiplies the loss per class; `balance`, `mixing`, `surroundings` and `without_lungs`
    say how images are drawn, blended and changed (`ml.training.batches.Sampling`), `epoch_size` how many
    make an epoch (as many as there are). `ema_momentum` averages the weights over about 1 / (1 -
    momentum) steps, 0 does not. `patience` ends the run after so many full-size epochs without a better
    one. `trainable_layers` freezes all but the last so many layers that have weights. `init` is a model
    version to continue from, `weights` a `.weights.h5` file or `imagenet`; at most one of them.
    `average_with` is a version of the same network whose weights are averaged with the trained ones at
    the end: what was fine-tuned then keeps more of what its start knew elsewhere (Wortsman 2022). 0
    epochs keep the weights of `init` and only calibrate and measure them anew, with another lung network,
    say. `members` are the folders of the versions that an `ensemble` is made of: its size, classes and
    preprocessing are theirs, and nothing is trained. `lungs` is a folder with `lungs.xml` and
    `lungs.bin`. `folds` makes that many folds by group; without it the manifest's own are used.
    `calibration_fold` (by default the one after the test fold) chooses the epoch and calibrates;
    `test_fold` is only measured. `progressive_resizing` trains the first epochs on smaller images (Tan
    2021): nearly half of the work is saved. `quantise` makes the INT8 graph too, which takes minutes.
    `provenance` goes into the lineage as it is: who asked for the run, which data set its manifest is.
    `cache_dir` keeps prepared crops, and a run's state after every epoch: an equal run goes on where one
    was stopped.
    """

    manifests: tuple[Path, ...]
    out_dir: Path
    lungs: Path
    name: str = "cxr"
    architecture: str = "compact_resnet"
    input_size: int = 160
    preprocessing: Preprocessing = DEFAULT_PREPROCESSING
    classes: Mapping[str, Sequence[str]] = field(default_factory=lambda: DEFAULT_CLASSES)
    epochs: int = 24
    batch_size: int = 32
    learning_rate: float = 2e-3
    optimizer: str = "adamw"
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    class_weights: Mapping[str, float] = field(default_factory=dict)
    balance: float = 0.5
    mixing: str = "same_finding"
    surroundings: float = 0.0
    without_lungs: float = 0.0
    epoch_size: int | None = None
    ema_momentum: float = 0.995
    patience: int | None = None
    trainable_layers: int | None = None
    init: Path | None = None
    weights: Path | None = None
    average_with: Path | None = None
    members: tuple[Path, ...] = ()
    folds: int | None = None
    test_fold: int = 0
    calibration_fold: int | None = None
    miscoverage: float = 0.04
    seed: int = 20
    precision: str = "mixed_bfloat16"
    progressive_resizing: bool = True
    quantise: bool = True
    provenance: Mapping[str, str] = field(default_factory=dict)
    cache_dir: Path | None = None

    def size_at(self, epoch: int) -> int:
        """Give the images' side in an epoch, counted from 0; the last epoch always has the final side."""
        if not self.progressive_resizing or epoch == self.epochs - 1:
            return self.input_size
        growth = GROWTH if self.init is None and self.weights is None else GROWTH_CONTINUED
        share = next(size for until, size in growth if epoch < until * self.epochs)
        return min(self.input_size, max(1, round(share * self.input_size / SIZE_STEP)) * SIZE_STEP)

    def sampling(self, *, images: int) -> Sampling:
        """Say how batches are drawn from so many training images."""
        return Sampling(
            batch_size=min(self.batch_size, images),
            epoch_size=self.epoch_size or images,
            balance=self.balance,
            mixing=self.mixing,
            surroundings=self.surroundings,
            without_lungs=self.without_lungs,
            smoothing=self.label_smoothing,
            class_weights=[self.class_weights.get(name, 1.0) for name in self.classes],
            seed=self.seed,
        )

    def check(self) -> None:
        """Raise `TrainingConfigError` for a setting that cannot be honoured, before any work is done."""
        if self.architecture not in (*CLASSIFIERS, ENSEMBLE):
            raise TrainingConfigError(
                f"Unknown architecture {self.architecture!r}; known: {', '.join((*CLASSIFIERS, ENSEMBLE))}."
            )
        if (self.architecture == ENSEMBLE) != bool(self.members):
            raise TrainingConfigError(
                f"Members make an {ENSEMBLE}, and an {ENSEMBLE} is made of members: give both or neither."
            )
        if self.optimizer not in OPTIMIZERS:
            raise TrainingConfigError(
                f"Unknown optimizer {self.optimizer!r}; known: {', '.join(OPTIMIZERS)}."
            )
        if self.precision not in PRECISIONS:
            raise TrainingConfigError(
                f"Unknown precision {self.precision!r}; known: {', '.join(PRECISIONS)}."
            )
        if self.mixing not in MIXINGS:
            raise TrainingConfigError(f"Unknown mixing {self.mixing!r}; known: {', '.join(MIXINGS)}.")
        for name in ("balance", "ema_momentum", "label_smoothing", "surroundings", "without_lungs"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingConfigError(f"{name} is {getattr(self, name)}; expected 0 to 1.")
        if self.init is not None and self.weights is not None:
            raise TrainingConfigError("Both a model and a weights file were given to start from; give one.")
        strangers = sorted(set(self.class_weights) - set(self.classes))
        if strangers:
            raise TrainingConfigError(
                f"Class weights for {', '.join(strangers)}, which are no classes of this run; "
                f"expected some of {', '.join(self.classes)}."
            )
        if self.epochs == 0 and self.init is None:
            raise TrainingConfigError("0 epochs only calibrate a version anew; say which one with init.")
        for name in ("batch_size", "learning_rate", "input_size"):
            if not getattr(self, name) > 0:
                raise TrainingConfigError(f"{name} is {getattr(self, name)}; expected more than 0.")
        if self.epochs < 0:
            raise TrainingConfigError(f"epochs is {self.epochs}; expected 0 or more.")
        if self.architecture != ENSEMBLE:
            self._check_network()
        if self.folds is not None and self.folds < 3:
            raise TrainingConfigError("At least 3 folds are needed: to train, to calibrate and to test.")
        if self.out_dir.exists() and any(self.out_dir.iterdir()):
            raise TrainingConfigError(f"{self.out_dir} is not empty; a model version is never overwritten.")

    def _check_network(self) -> None:
        try:
            sizes = [self.size_at(epoch) for epoch in range(self.epochs)]
            check_input_size(self.architecture, min(sizes, default=self.input_size))
            if self.weights is not None:
                find_weights(self.architecture, self.weights)
        except (InputSizeError, InitialWeightsError) as error:
            raise TrainingConfigError(str(error)) from error


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """One step of a run for a person to see: `done` of `total` in this stage."""

    stage: str
    done: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics.items())
        return f"{self.stage}: {self.done}/{self.total}" + (f", {figures}" if figures else "")


ProgressCallback = Callable[[TrainingProgress], None]
