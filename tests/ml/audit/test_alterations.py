"""Alterations change what they say and leave the lungs alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ml.audit.alterations import (
    DISTURBANCES,
    MARKERS,
    details_erased,
    lungs_blackened,
    rectangle_inserted,
    surroundings_greyed,
)
from ml.audit.network import Film
from tests.ml.conftest import chest, lung_probabilities


@pytest.fixture
def film() -> Film:
    return Film(chest(), lung_probabilities())


def test_lungs_are_found_and_widened(film: Film) -> None:
    assert film.has_lungs
    assert film.lungs.shape == film.image.shape
    found = cv2.resize((lung_probabilities() > 0.5).astype(np.uint8), film.image.shape[::-1]) > 0
    assert film.lungs[found].all()
    assert film.lungs.sum() > 1.15 * found.sum()
    assert (film.box.left, film.box.right) == (
        np.flatnonzero(film.lungs.any(axis=0))[0],
        np.flatnonzero(film.lungs.any(axis=0))[-1] + 1,
    )


def test_a_film_without_lungs_says_so(film: Film) -> None:
    assert not Film(film.image, np.zeros((128, 128), np.float32)).has_lungs


def test_blackened_lungs_are_black_and_nothing_else_is(film: Film) -> None:
    image = lungs_blackened(film)
    assert (image[film.lungs] == 0).all()
    np.testing.assert_array_equal(image[~film.lungs], film.image[~film.lungs])


def test_surroundings_become_one_grey(film: Film) -> None:
    image = surroundings_greyed(film)
    np.testing.assert_array_equal(image[film.lungs], film.image[film.lungs])
    assert np.ptp(image[~film.lungs]) == 0


@pytest.mark.parametrize("name", MARKERS)
def test_markers_change_the_image_but_not_the_lungs(film: Film, name: str) -> None:
    image = MARKERS[name](film)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    np.testing.assert_array_equal(image[film.lungs], film.image[film.lungs])
    assert np.abs(image - film.image).max() > 0.05


@pytest.mark.parametrize("name", DISTURBANCES)
def test_disturbances_are_small(film: Film, name: str) -> None:
    image = DISTURBANCES[name](film)
    assert image.dtype == np.float32
    height, width = film.image.shape
    back = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(back - film.image).mean()
    assert 0 < difference < 0.12


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_a_marker_in_any_corner_is_erased(film: Film, corner: int, grey: float) -> None:
    marked = film.altered(rectangle_inserted(film, corner=corner, grey=grey))
    there = marked.image != film.image
    assert there.sum() > 50
    for name in ("details outside the lungs erased", "lung box corners erased"):
        left = np.abs(MARKERS[name](marked) - film.image)[there].mean()
        assert left < 0.3 * np.abs(marked.image - film.image)[there].mean(), name


def test_letters_anywhere_outside_the_lungs_are_erased(film: Film) -> None:
    ink = np.zeros(film.image.shape, np.uint8)
    cv2.putText(ink, "AP", (90, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    written = film.altered(np.where((ink > 0) & ~film.lungs, np.float32(1), film.image))
    erased = details_erased(written)
    assert np.abs(erased - film.image)[ink > 0].mean() < 0.1
