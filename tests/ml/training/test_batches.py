"""What a training batch holds: evened sources and classes, honest blends, the same again on demand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.datasets.crops import CHEST_SIZE, IN_LUNGS
from ml.training.batches import Sampling, TrainingBatches, TrainingImages

pytestmark = pytest.mark.training

SAMPLING = Sampling(
    batch_size=8,
    epoch_size=160,
    balance=0.0,
    mixing="none",
    surroundings=0.0,
    without_lungs=0.0,
    smoothing=0.0,
    class_weights=(1.0, 3.0),
    seed=4,
)


@pytest.fixture
def images() -> TrainingImages:
    """Sixty crops of class 0 from one source, eight of class 1 from two; the grey tells the source."""
    greys = np.array([40] * 60 + [120] * 4 + [200] * 4, np.uint8)
    crops = np.broadcast_to(greys[:, np.newaxis, np.newaxis], (68, 32, 32)).copy()
    targets = np.array([0] * 60 + [1] * 8, np.intp)
    sources = np.array(["a"] * 60 + ["b"] * 4 + ["c"] * 4)
    chests = np.zeros((68, CHEST_SIZE, CHEST_SIZE), np.uint8)
    chests[:, 16:48, 16:48] = IN_LUNGS
    return TrainingImages(crops, targets, sources, chests)


def epoch_of(batches: TrainingBatches) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = zip(*(batches[i] for i in range(len(batches))), strict=True)
    x, y, weights = (np.concatenate(part) for part in parts)
    return x, y, weights


def test_without_balance_every_image_is_shown_alike(images: TrainingImages) -> None:
    batches = TrainingBatches(images, replace(SAMPLING, epoch_size=68 * 2), size=32)
    x, y, weights = epoch_of(batches)
    assert x.shape == (136, 32, 32, 1)
    assert y[:, 1].sum() == 16
    np.testing.assert_array_equal(weights, np.where(y[:, 1] == 1, 3.0, 1.0))


@pytest.mark.parametrize(("balance", "share"), [(0.0, 8 / 68), (0.5, 0.34), (1.0, 2 / 3)])
def test_balance_evens_out_sources_and_classes(images: TrainingImages, balance: float, share: float) -> None:
    batches = TrainingBatches(images, replace(SAMPLING, epoch_size=4000, balance=balance), size=32)
    _, y, _ = epoch_of(batches)
    assert y[:, 1].mean() == pytest.approx(share, abs=0.04)


def test_labels_are_smoothed(images: TrainingImages) -> None:
    _, y, _ = TrainingBatches(images, replace(SAMPLING, smoothing=0.1), size=32)[0]
    assert np.unique(y) == pytest.approx([0.05, 0.95])


def test_blends_of_one_finding_keep_the_label_and_mix_the_sources(images: TrainingImages) -> None:
    batches = TrainingBatches(images, replace(SAMPLING, mixing="same_finding", balance=1.0), size=32)
    x, y, _ = epoch_of(batches)
    assert np.unique(y).tolist() == [0.0, 1.0]
    plain, _, _ = epoch_of(TrainingBatches(images, replace(SAMPLING, balance=1.0), size=32))
    between = [
        ((v > 0.55) & (v < 0.7)).mean() for v in (x.mean((1, 2, 3))[y[:, 1] == 1], plain.mean((1, 2, 3)))
    ]
    assert between[0] > between[1], "greys between the two sources appear only where they are blended"


def test_mixup_blends_the_labels_too(images: TrainingImages) -> None:
    _, y, _ = epoch_of(TrainingBatches(images, replace(SAMPLING, mixing="mixup", balance=1.0), size=32))
    np.testing.assert_allclose(y.sum(axis=1), 1.0, atol=1e-6)
    assert ((y > 0.05) & (y < 0.95)).any()


def test_surroundings_come_from_every_source_alike(images: TrainingImages) -> None:
    batches = TrainingBatches(images, replace(SAMPLING, epoch_size=1600, surroundings=1.0), size=32)
    x, y, _ = epoch_of(batches)
    lungs, corners = x[y[:, 0] == 1, 12:20, 12:20].mean((1, 2, 3)), x[y[:, 0] == 1, :4, :4].mean((1, 2, 3))
    assert lungs.max() < 0.45, "lungs of the first source stay as dark as they were"
    assert (corners > 0.6).mean() > 0.25, "and are seen in the bright surroundings of the others"


def test_images_without_lungs_speak_for_every_class_alike(images: TrainingImages) -> None:
    batches = TrainingBatches(images, replace(SAMPLING, epoch_size=800, without_lungs=0.25), size=32)
    _, y, weights = epoch_of(batches)
    emptied = (y == 0.5).all(axis=1)
    assert emptied.mean() == pytest.approx(0.25, abs=0.06)
    assert set(np.unique(y[~emptied]).tolist()) == {0.0, 1.0}
    assert len(weights) == 800


def test_batches_follow_from_seed_epoch_and_number(images: TrainingImages) -> None:
    sampling = replace(SAMPLING, mixing="mixup", balance=0.5, surroundings=0.5, without_lungs=0.2)
    first = TrainingBatches(images, sampling, size=16)
    zeroth = first[3][0]
    first.on_epoch_end()
    later = TrainingBatches(images, sampling, size=16, epoch=1)
    assert later[3][0].shape == (8, 16, 16, 1)
    np.testing.assert_array_equal(first[3][0], later[3][0])
    np.testing.assert_array_equal(TrainingBatches(images, sampling, size=16)[3][0], zeroth)
    assert not np.array_equal(TrainingBatches(images, replace(sampling, seed=5), size=32)[3][0], zeroth)
