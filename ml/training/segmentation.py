"""Train the lung U-Net on image and mask pairs, and export it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ml.architectures import build
from ml.contracts import FloatImage
from ml.datasets.manifest import read_manifest
from ml.preprocessing import LUNG_INPUT_SIZE, MASK_THRESHOLD, equalise, lung_input
from ml.training.export import export_lungs
from ml.training.precision import dtype_policy

DUPLICATE_CORRELATION = 0.95


@dataclass(frozen=True)
class SegmentationConfig:
    """What a lung network is trained from and how.

    Masks lie beside their images: `NAME.jpg` and `NAME.png`. Images whose manifest fold is
    `test_fold` are held out, and so is every unlisted image that resembles one of them.
    """

    lungs: Path
    manifest: Path
    out: Path
    test_fold: int = 0
    epochs: int = 60
    batch_size: int = 16
    learning_rate: float = 2e-3
    seed: int = 20
    precision: str = "mixed_bfloat16"


@dataclass(frozen=True, slots=True)
class LungPairs:
    """Images (n, 128, 128, 1) in [0, 1] and masks (n, 128, 128, 1) of 0 and 1, by image identifier."""

    identifiers: tuple[str, ...]
    images: FloatImage
    masks: FloatImage

    def subset(self, chosen: NDArray[np.bool_]) -> LungPairs:
        """Keep the pairs where `chosen` is true."""
        names = tuple(name for name, keep in zip(self.identifiers, chosen, strict=True) if keep)
        return LungPairs(names, self.images[chosen], self.masks[chosen])


class AugmentedPairs(keras.utils.PyDataset):
    """Shuffled batches, each pair flipped, turned, scaled, shifted and re-contrasted alike."""

    def __init__(self, pairs: LungPairs, *, batch_size: int, seed: int) -> None:
        super().__init__()
        self._pairs = pairs
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)
        self._order = self._random.permutation(len(pairs.identifiers))

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[FloatImage, FloatImage]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        augmented = [
            augment_pair(self._pairs.images[i, :, :, 0], self._pairs.masks[i, :, :, 0], self._random)
            for i in chosen
        ]
        images, masks = zip(*augmented, strict=True)
        return np.stack(images)[..., np.newaxis], np.stack(masks)[..., np.newaxis]

    def on_epoch_end(self) -> None:
        """Shuffle again."""
        self._order = self._random.permutation(len(self._pairs.identifiers))


def augment_pair(
    image: FloatImage, mask: FloatImage, random: np.random.Generator
) -> tuple[FloatImage, FloatImage]:
    """Flip, turn ±12°, scale 0.75-1.2 per axis, shift ±8 %; then change gamma, contrast and noise."""
    size = image.shape[0]
    middle = (size - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), random.uniform(-12, 12), 1.0)
    flip = -1.0 if random.random() < 0.5 else 1.0
    scale = random.uniform(0.75, 1.2)
    stretch = np.array([flip * scale * random.uniform(0.9, 1.1), scale * random.uniform(0.9, 1.1)])
    shift = random.uniform(-0.08, 0.08, 2) * size
    matrix = turn.copy()
    matrix[:, :2] *= stretch
    matrix[:, 2] = middle + shift - matrix[:, :2] @ np.array([middle, middle])
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST)
    grey = np.clip(image, 0, 1) ** random.uniform(0.6, 1.6)
    contrast = random.uniform(0.7, 1.3)
    grey = (grey - 0.5) * contrast + 0.5 + random.uniform(-0.1, 0.1)
    if random.random() < 0.3:
        grey = cv2.GaussianBlur(grey, (0, 0), random.uniform(0.4, 1.2))
    grey = grey + random.normal(0, random.uniform(0, 0.03), grey.shape)
    return np.clip(grey, 0, 1).astype(np.float32), mask.astype(np.float32)


def load_pairs(folder: Path) -> LungPairs:
    """Read every image that has a mask, as the lung network sees them."""
    names, images, masks = [], [], []
    for mask_path in sorted(folder.glob("*.png")):
        image = cv2.imread(str(mask_path.with_suffix(".jpg")), cv2.IMREAD_GRAYSCALE)
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if image is None or mask is None:
            raise FileNotFoundError(f"{mask_path.stem}: expected a readable .jpg and .png in {folder}.")
        shape = (LUNG_INPUT_SIZE, LUNG_INPUT_SIZE)
        names.append(mask_path.stem)
        images.append(lung_input(equalise(image.astype(np.float32) / 255))[0])
        masks.append(cv2.resize(mask, shape, interpolation=cv2.INTER_AREA)[..., np.newaxis] >= 128)
    if not names:
        raise FileNotFoundError(f"No NAME.png masks in {folder}.")
    return LungPairs(tuple(names), np.stack(images), np.stack(masks).astype(np.float32))


def dice(masks: FloatImage, predicted: FloatImage) -> FloatImage:
    """Dice overlap per image: 2 |A and B| / (|A| + |B|) at a probability of one half."""
    inside = predicted >= MASK_THRESHOLD
    truth = masks >= MASK_THRESHOLD
    both = (inside & truth).sum(axis=(1, 2, 3))
    return np.asarray(2 * both / (inside.sum(axis=(1, 2, 3)) + truth.sum(axis=(1, 2, 3))), np.float32)


def train_lungs(config: SegmentationConfig, *, progress: Callable[[str], None]) -> dict[str, Any]:
    """Train the lung network and write its graph, `lungs.xml` and `.bin`, with the record that it returns.

    The graph is all that is kept: training and serving both read lungs from it.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    pairs = load_pairs(config.lungs)
    held_out, training = _split(pairs, config)
    with dtype_policy(config.precision):
        model = build("lung_unet", input_size=LUNG_INPUT_SIZE, classes=1)
    batches = AugmentedPairs(training, batch_size=config.batch_size, seed=config.seed)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate, decay_steps=config.epochs * len(batches), alpha=0.01
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, use_ema=True, ema_momentum=0.995),
        loss=_dice_and_cross_entropy,
    )
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: progress(
            f"lungs: epoch {epoch + 1}/{config.epochs}, loss {logs['loss']:.4f}, "
            f"{time.monotonic() - started:.0f} s"
        )
    )
    model.fit(batches, epochs=config.epochs, verbose=0, callbacks=[report])
    trained = build("lung_unet", input_size=LUNG_INPUT_SIZE, classes=1)
    trained.set_weights(model.get_weights())
    scores = dice(held_out.masks, trained.predict(held_out.images, verbose=0))
    config.out.mkdir(parents=True, exist_ok=True)
    export_lungs(trained, config.out)
    settings = asdict(config)
    recorded = ("test_fold", "epochs", "batch_size", "learning_rate", "seed", "precision")
    record = {
        "architecture": "lung_unet",
        "input_size": LUNG_INPUT_SIZE,
        "training_images": len(training.identifiers),
        "held_out_images": len(held_out.identifiers),
        "dice_mean": round(float(scores.mean()), 4),
        "dice_p5": round(float(np.percentile(scores, 5)), 4),
        "wall_seconds": round(time.monotonic() - started),
        **{name: settings[name] for name in recorded},
    }
    (config.out / "lungs.json").write_text(json.dumps(record, indent=1) + "\n")
    progress(f"lungs: held-out Dice {record['dice_mean']} (5th percentile {record['dice_p5']})")
    return record


def _split(pairs: LungPairs, config: SegmentationConfig) -> tuple[LungPairs, LungPairs]:
    folds = {row.image_id: row.fold for row in read_manifest(config.manifest).rows}
    held = np.array([folds.get(name) == config.test_fold for name in pairs.identifiers])
    # Some mask images are copies that the manifest left out; a copy of a held-out image goes too.
    flat = pairs.images[:, ::4, ::4, 0].reshape(len(held), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    copies = (flat @ flat[held].T).max(axis=1) > DUPLICATE_CORRELATION
    return pairs.subset(held), pairs.subset(~held & ~copies)


def _dice_and_cross_entropy(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    both = ops.sum(truth * predicted, axis=(1, 2, 3))
    total = ops.sum(truth, axis=(1, 2, 3)) + ops.sum(predicted, axis=(1, 2, 3))
    overlap = (2 * both + 1) / (total + 1)
    return 1 - overlap + ops.mean(keras.losses.binary_crossentropy(truth, predicted), axis=(1, 2))
