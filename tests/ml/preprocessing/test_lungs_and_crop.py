"""Preprocessing: what is equal to a radiologist must be equal to the network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ml.preprocessing import (
    DEFAULT_PREPROCESSING,
    EQUALISED_LONG_SIDE,
    LUNG_INPUT_SIZE,
    LUNG_MEASUREMENTS,
    WHOLE_IMAGE,
    Region,
    equalise,
    lung_input,
    lung_measurements,
    lung_region,
)
from tests.ml.conftest import chest, lung_probabilities


def test_large_images_are_reduced_to_the_common_resolution_and_small_ones_kept() -> None:
    large = equalise(chest(height=1024, width=768))
    assert large.shape == (EQUALISED_LONG_SIDE, 288)
    small = chest(height=224, width=224)
    assert equalise(small) is small


@pytest.mark.parametrize(("height", "width"), [(1024, 1), (1, 1024), (3, 2), (384, 384)])
def test_any_shape_gives_tensors_of_the_right_shape_and_range(height: int, width: int) -> None:
    image = equalise(np.random.default_rng(1).random((height, width), dtype=np.float32))
    assert lung_input(image).shape == (1, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE, 1)
    prepared = DEFAULT_PREPROCESSING.prepare(image, lung_probabilities(), input_size=64)
    assert prepared.tensor.shape == (1, 64, 64, 1)
    assert prepared.tensor.dtype == np.float32
    assert prepared.tensor.min() >= 0.0
    assert prepared.tensor.max() <= 1.0


def test_brightness_and_contrast_of_the_source_do_not_reach_the_network() -> None:
    image = chest()
    dimmed = image * np.float32(0.4) + np.float32(0.3)
    usual = DEFAULT_PREPROCESSING.prepare(image, lung_probabilities(), input_size=96)
    other = DEFAULT_PREPROCESSING.prepare(dimmed, lung_probabilities(), input_size=96)
    np.testing.assert_allclose(other.tensor, usual.tensor, atol=1e-4)
    np.testing.assert_allclose(lung_input(dimmed), lung_input(image), atol=1e-4)


def test_a_marker_outside_the_lungs_does_not_change_the_window() -> None:
    image = chest()
    marked = image.copy()
    marked[4:24, 4:24] = 1.0
    usual = DEFAULT_PREPROCESSING.prepare(image, lung_probabilities(), input_size=96)
    other = DEFAULT_PREPROCESSING.prepare(marked, lung_probabilities(), input_size=96)
    np.testing.assert_allclose(other.tensor[0, 20:, 20:], usual.tensor[0, 20:, 20:], atol=1e-5)


def test_resolution_of_the_source_hardly_matters() -> None:
    large = chest(height=1000, width=1000)
    small = np.asarray(cv2.resize(large, (384, 384), interpolation=cv2.INTER_AREA), np.float32)
    tensors = [
        DEFAULT_PREPROCESSING.prepare(equalise(i), lung_probabilities(), input_size=160).tensor
        for i in (large, small)
    ]
    assert np.abs(tensors[0] - tensors[1]).mean() < 0.01


def test_the_crop_holds_the_lungs_with_a_margin() -> None:
    region = DEFAULT_PREPROCESSING.prepare(chest(), lung_probabilities(), input_size=64).region
    rows = np.flatnonzero(lung_probabilities().any(axis=1)) / 128
    assert region.top < rows[0]
    assert region.bottom > rows[-1]
    box = region.box(1000, 500)
    assert 0 <= box.left < box.right <= 500
    assert box.bottom - box.top == pytest.approx((region.bottom - region.top) * 1000, abs=2)


def test_without_lungs_the_whole_image_is_used_and_that_is_said() -> None:
    nothing = np.zeros((128, 128), np.float32)
    prepared = DEFAULT_PREPROCESSING.prepare(chest(), nothing, input_size=64)
    assert not prepared.lungs_found
    assert prepared.region == WHOLE_IMAGE
    assert lung_measurements(nothing) == dict.fromkeys(LUNG_MEASUREMENTS, 0.0)


def test_specks_do_not_stretch_the_box() -> None:
    speckled = lung_probabilities()
    speckled[0:2, 0:2] = 1.0
    assert lung_region(speckled) == lung_region(lung_probabilities())


def test_measurements_tell_two_lungs_from_one() -> None:
    both = lung_measurements(lung_probabilities())
    one = lung_probabilities()
    one[:, 64:] = 0
    assert tuple(both) == LUNG_MEASUREMENTS
    assert both["lung_components"] == 2
    assert both["lung_symmetry"] > 0.9
    assert both["lung_probability"] == pytest.approx(0.95)
    assert lung_measurements(one)["lung_components"] == 1


def test_a_region_never_becomes_an_empty_box() -> None:
    box = Region(0.999, 0.999, 1.0, 1.0).box(10, 10)
    assert (box.top, box.left, box.bottom, box.right) == (9, 9, 10, 10)
