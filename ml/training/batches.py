"""The batches that a classifier is trained on: which images, how changed, how mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.augmentation import augment, resized
from ml.datasets.surroundings import lungs_removed, resurrounded
from ml.evaluation.calibration import Targets

MIXINGS = ("none", "mixup", "same_finding")
MIXED_SHARE = 0.5
"""Of each batch, how much is mixed."""


@dataclass(frozen=True, slots=True)
class TrainingImages:
    """The training side: crops uint8 (n, s, s), or (n, s, s, 3), class numbers (n,), a source per crop.

    `chests` (n, c, c) say where the chest lies in each, as `ml.datasets.crops.Crops` does.
    """

    crops: NDArray[np.uint8]
    targets: Targets
    sources: NDArray[np.str_]
    chests: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How batches are drawn.

    `balance`: how far sources and classes are evened out: an image of a source and class with n images
    is drawn in proportion to n ** -balance, so 0 leaves all images alike and 1 every pair of source and
    class. `mixing`: `mixup` blends two images and their labels (Zhang 2018); `same_finding` blends two
    images of one class from two sources, so that what tells the sources apart stops mattering (LISA, Yao
    2022). `surroundings`: share of the images whose surroundings are replaced by those of another image or
    by none; `without_lungs`: share of the images whose lungs are painted over and which are labelled with
    every class alike, so that nothing outside the lungs speaks for a class. `smoothing`: label smoothing
    in [0, 1). `class_weights`: the loss's weight per class number.
    """

    batch_size: int
    epoch_size: int
    balance: float
    mixing: str
    surroundings: float
    without_lungs: float
    smoothing: float
    class_weights: Sequence[float]
    seed: int


class TrainingBatches(keras.utils.PyDataset):
    """Augmented batches: images (b, s, s, c) in [0, 1], smoothed labels (b, k), weights (b,).

    Everything in a batch follows from the seed, the epoch and the batch's number, so that a run that
    was interrupted goes on with the batches it would have had.
    """

    def __init__(self, images: TrainingImages, sampling: Sampling, *, size: int, epoch: int = 0) -> None:
        """Give the side of the batches' images in pixels; start at `epoch`."""
        super().__init__()
        self._images = images
        self._sampling = sampling
        self._crops = resized(images.crops, size)
        self._weights = np.asarray(sampling.class_weights, np.float32)
        self._cells = np.unique(
            [f"{source}\n{target}" for source, target in zip(images.sources, images.targets, strict=True)],
            return_inverse=True,
        )[1]
        self._partners = _partners(images)
        self._of_source = [np.flatnonzero(images.sources == name) for name in np.unique(images.sources)]
        self._start(epoch)

    def __len__(self) -> int:
        return max(1, self._sampling.epoch_size // self._sampling.batch_size)

    def __getitem__(self, index: int) -> tuple[FloatImage, FloatImage, FloatImage]:
        random = np.random.default_rng((self._sampling.seed, self._epoch, index))
        start = index * self._sampling.batch_size
        chosen = self._order[start : start + self._sampling.batch_size]
        images, labels = self._augmented(chosen, random), self._labels(chosen)
        if self._sampling.mixing != "none":
            images, labels = self._mixed(chosen, images, labels, random)
        if self._sampling.without_lungs:
            self._empty(chosen, images, labels, random)
        return images, labels, self._weights[self._images.targets[chosen]]

    def on_epoch_end(self) -> None:
        """Draw the next epoch's images."""
        self._start(self._epoch + 1)

    def _start(self, epoch: int) -> None:
        self._epoch = epoch
        self._order = self._drawn(np.random.default_rng((self._sampling.seed, epoch)))

    def _drawn(self, random: np.random.Generator) -> NDArray[np.intp]:
        number = len(self) * self._sampling.batch_size
        count = len(self._images.targets)
        if not self._sampling.balance:
            rounds = -(-number // count)
            return np.concatenate([random.permutation(count) for _ in range(rounds)])[:number]
        share = np.bincount(self._cells)[self._cells] ** -self._sampling.balance
        return np.asarray(random.choice(count, number, p=share / share.sum()), np.intp)

    def _augmented(self, chosen: NDArray[np.intp], random: np.random.Generator) -> FloatImage:
        batch = np.stack([augment(self._surrounded(i, random), random) for i in chosen])
        return batch.reshape(*batch.shape[:3], -1)

    def _surrounded(self, number: int, random: np.random.Generator) -> NDArray[np.uint8]:
        """Give a crop, or, as often as asked for, its lungs in other surroundings."""
        crop: NDArray[np.uint8] = self._crops[number]
        if not self._sampling.surroundings or random.random() >= self._sampling.surroundings:
            return crop
        # Sources alike, not images: a large source is no more often seen around others' lungs.
        source = self._of_source[random.integers(len(self._of_source))]
        other = self._crops[random.choice(source)]
        return resurrounded(crop, self._images.chests[number], other, random)

    def _empty(
        self, chosen: NDArray[np.intp], images: FloatImage, labels: FloatImage, random: np.random.Generator
    ) -> None:
        """Take the lungs out of a share of the batch, and the finding out of its labels."""
        for place in np.flatnonzero(random.random(len(chosen)) < self._sampling.without_lungs):
            number = chosen[place]
            emptied = lungs_removed(self._crops[number], self._images.chests[number], random)
            images[place] = augment(emptied, random).reshape(images.shape[1:])
            labels[place] = 1 / labels.shape[1]

    def _labels(self, chosen: NDArray[np.intp]) -> FloatImage:
        classes = len(self._weights)
        one_hot = np.eye(classes, dtype=np.float32)[self._images.targets[chosen]]
        smoothing = np.float32(self._sampling.smoothing)
        return one_hot * (1 - smoothing) + smoothing / classes

    def _mixed(
        self,
        chosen: NDArray[np.intp],
        images: FloatImage,
        labels: FloatImage,
        random: np.random.Generator,
    ) -> tuple[FloatImage, FloatImage]:
        where = np.flatnonzero(random.random(len(chosen)) < MIXED_SHARE)
        if not len(where):
            return images, labels
        if self._sampling.mixing == "mixup":
            others = random.choice(self._order, len(where))
        else:
            others = np.array([random.choice(self._partners[self._cells[chosen[i]]]) for i in where])
        share = random.beta(2, 2, len(where)).astype(np.float32)
        kept = share[:, np.newaxis]
        labels[where] = kept * labels[where] + (1 - kept) * self._labels(others)
        kept = kept[..., np.newaxis, np.newaxis]
        images[where] = kept * images[where] + (1 - kept) * self._augmented(others, random)
        return images, labels


def _partners(images: TrainingImages) -> list[NDArray[np.intp]]:
    """Give, for every pair of source and class in order, the images of that class from other sources.

    A class that has a single source gives its own images.
    """
    pairs = sorted({f"{s}\n{t}" for s, t in zip(images.sources, images.targets, strict=True)})
    result = []
    for pair in pairs:
        source, target = pair.split("\n")
        alike = images.targets == int(target)
        elsewhere = np.flatnonzero(alike & (images.sources != source))
        result.append(elsewhere if len(elsewhere) else np.flatnonzero(alike))
    return result
