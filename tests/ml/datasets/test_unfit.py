"""Images made to be refused: valid, repeatable, and really unfit."""

from __future__ import annotations

import numpy as np
import pytest

from ml.contracts import FloatImage
from ml.datasets.unfit import ALTERATIONS, DRAWINGS
from ml.datasets.unfit.alterations import (
    MOST_LUNG_LEFT,
    USUAL_LUNGS,
    acceptably_varied,
    burnt_out,
    cut,
    inverted,
)
from ml.inference.views import View
from tests.ml.tiny_version import shaded_chest

CHEST = shaded_chest(height=240, width=200)


def check_valid(image: FloatImage) -> None:
    assert image.dtype == np.float32
    assert image.ndim == 2
    assert min(image.shape) >= 40
    assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize("kind", DRAWINGS)
def test_drawings_are_valid_images_that_repeat_with_their_seed(kind: str) -> None:
    view, draw = DRAWINGS[kind]
    images = [draw(np.random.default_rng(seed)) for seed in (1, 2, 1)]
    check_valid(images[0])
    np.testing.assert_array_equal(images[2], images[0])
    assert not np.array_equal(images[1], images[0])
    assert view != View.FRONTAL


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ALTERATIONS)
def test_alterations_are_valid_images_and_leave_the_original_alone(kind: str, seed: int) -> None:
    original = CHEST.copy()
    view, alter = ALTERATIONS[kind]
    altered = alter([original, shaded_chest(seed=3)], np.random.default_rng(seed))
    check_valid(altered)
    np.testing.assert_array_equal(original, CHEST)
    assert not np.array_equal(altered, CHEST)
    assert view != View.FRONTAL


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_image_lacks_half_of_the_lungs(seed: int) -> None:
    height, width = 240, 200
    lungs = np.zeros((height, width), np.float32)
    for left, right in USUAL_LUNGS:
        lungs[height // 6 : (3 * height) // 4, int(left * width) : int(right * width)] = 1
    kept = cut(lungs, np.random.default_rng(seed))
    assert kept.sum() <= MOST_LUNG_LEFT * lungs.sum()


def test_inverting_makes_the_lungs_brighter_than_the_heart() -> None:
    height, width = CHEST.shape
    swapped = inverted(CHEST, np.random.default_rng(0))
    rows = slice(height // 2, height // 2 + 9)
    lung, heart = (slice(int(x * width) - 4, int(x * width) + 5) for x in (0.3, 0.5))
    assert CHEST[rows, lung].mean() < CHEST[rows, heart].mean()
    assert swapped[rows, lung].mean() > swapped[rows, heart].mean()


@pytest.mark.parametrize("seed", range(5))
def test_a_burnt_out_image_is_mostly_black_and_white(seed: int) -> None:
    clipped = burnt_out(CHEST, np.random.default_rng(seed))
    assert ((clipped == 0) | (clipped == 1)).mean() > 0.7


@pytest.mark.parametrize("seed", range(8))
def test_an_acceptable_variation_is_still_a_chest(seed: int) -> None:
    varied = acceptably_varied(CHEST, np.random.default_rng(seed))
    check_valid(varied)
    height, width = varied.shape
    rows = slice(2 * height // 5, 3 * height // 5)
    left, middle, right = (
        varied[rows, int(x * width) - 6 : int(x * width) + 6].mean() for x in (0.3, 0.5, 0.7)
    )
    assert max(left, right) < middle
