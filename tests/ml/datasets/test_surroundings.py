"""Other surroundings keep the lungs; removed lungs keep the surroundings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets.crops import CHEST_SIZE, IN_HULL, IN_LUNGS
from ml.datasets.surroundings import lungs_removed, resurrounded

SIZE = 96


@pytest.fixture
def chest() -> NDArray[np.uint8]:
    """Two upright bars of lung with their hull between them."""
    picture = np.zeros((CHEST_SIZE, CHEST_SIZE), np.uint8)
    picture[16:48, 12:52] = IN_HULL
    picture[16:48, 12:26] = picture[16:48, 38:52] = IN_LUNGS
    return picture


@pytest.fixture
def crop() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(60, 100, (SIZE, SIZE), np.uint8)


INSIDE = np.s_[36:60, 24:34]
"""Well inside the first lung, in pixels of the crop."""
OUTSIDE = np.s_[:10, :]


@pytest.mark.parametrize("seed", range(12))
def test_lungs_stay_and_surroundings_change(
    crop: NDArray[np.uint8], chest: NDArray[np.uint8], seed: int
) -> None:
    other = np.full_like(crop, 240)
    changed = resurrounded(crop, chest, other, np.random.default_rng(seed))
    np.testing.assert_allclose(changed[INSIDE].astype(int), crop[INSIDE], atol=1)
    assert not np.array_equal(changed[OUTSIDE], crop[OUTSIDE])
    assert changed.shape == crop.shape
    assert changed.dtype == np.uint8


def test_another_images_surroundings_come_along(crop: NDArray[np.uint8], chest: NDArray[np.uint8]) -> None:
    other = np.full_like(crop, 240)
    random = np.random.default_rng(0)
    tops = [resurrounded(crop, chest, other, random)[OUTSIDE] for _ in range(60)]
    assert 20 < sum(int((top == 240).all()) for top in tops) < 50


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_left_in_removed_lungs(
    crop: NDArray[np.uint8], chest: NDArray[np.uint8], seed: int
) -> None:
    emptied = lungs_removed(crop, chest, np.random.default_rng(seed))
    assert np.ptp(emptied[INSIDE]) <= 1
    np.testing.assert_array_equal(emptied[OUTSIDE], crop[OUTSIDE])


def test_colours_are_kept_as_they_are(chest: NDArray[np.uint8]) -> None:
    crop = np.random.default_rng(2).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
    random = np.random.default_rng(3)
    for _ in range(10):
        assert resurrounded(crop, chest, crop[::-1], random).shape == crop.shape
    assert lungs_removed(crop, chest, random).shape == crop.shape
