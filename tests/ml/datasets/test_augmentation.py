"""Augmented crops stay in the range that serving uses (Keras' RandomContrast did not)."""

from __future__ import annotations

import numpy as np

from ml.datasets.augmentation import as_tensor, augment
from tests.ml.conftest import chest

CROP = (chest(height=96, width=96) * 255).astype(np.uint8)


def test_values_stay_in_range_and_spread_over_it() -> None:
    random = np.random.default_rng(3)
    changed = np.stack([augment(CROP, random) for _ in range(200)])
    assert changed.dtype == np.float32
    assert changed.min() >= 0.0
    assert changed.max() <= 1.0
    assert abs(float(changed.mean()) - float(as_tensor(CROP[np.newaxis]).mean())) < 0.1
    assert changed.std() > 0.15, "the contrast of the images must survive"


def test_the_same_seed_gives_the_same_images() -> None:
    one, other = (augment(CROP, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_stored_crop_is_not_changed() -> None:
    before = CROP.copy()
    random = np.random.default_rng(7)
    for _ in range(50):
        augment(CROP, random)
    np.testing.assert_array_equal(CROP, before)


def test_pseudo_colour_keeps_its_channels_together() -> None:
    coloured = np.stack([CROP] * 3, axis=-1)
    changed = augment(coloured, np.random.default_rng(8))
    assert changed.shape == (96, 96, 3)
    assert as_tensor(coloured[np.newaxis]).shape == (1, 96, 96, 3)
