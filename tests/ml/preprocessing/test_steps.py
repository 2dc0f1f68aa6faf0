"""Each enhancement does what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from ml.contracts import FloatImage
from ml.preprocessing import STEPS, Chest

SIZE = 64


@pytest.fixture
def chest() -> Chest:
    lungs = np.zeros((SIZE, SIZE), np.bool_)
    lungs[12:52, 10:26] = lungs[12:52, 38:54] = True
    hull = np.zeros_like(lungs)
    hull[12:52, 10:54] = True
    return Chest(lungs, hull)


@pytest.fixture
def ramp() -> FloatImage:
    return np.tile(np.linspace(0.2, 0.6, SIZE, dtype=np.float32), (SIZE, 1))


def apply(name: str, image: FloatImage, chest: Chest, **parameters: float) -> FloatImage:
    return STEPS[name](image, chest, **parameters)


def test_the_window_is_set_inside_the_chest(chest: Chest, ramp: FloatImage) -> None:
    ramp[:8, :8] = 1.0
    inside = apply("window", ramp, chest)[chest.hull]
    assert (inside.min(), inside.max()) == (0.0, 1.0)
    assert np.percentile(inside, 50) == pytest.approx(0.5, abs=0.03)


def test_equalisation_makes_every_grey_curve_alike(chest: Chest) -> None:
    image = np.random.default_rng(2).random((SIZE, SIZE), dtype=np.float32)
    plain, dark = (apply("histogram_equalisation", i, chest) for i in (image, image**3))
    assert np.abs(plain - dark)[chest.hull].mean() < 0.01
    assert plain[chest.hull].mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(apply("histogram_equalisation", image, chest, strength=0.0), image, atol=1e-6)


def test_clahe_raises_local_contrast(chest: Chest) -> None:
    faint = (0.5 + 0.02 * np.random.default_rng(3).standard_normal((SIZE, SIZE))).astype(np.float32)
    assert apply("clahe", faint, chest).std() > 1.5 * faint.std()


def test_gamma_complement_and_their_inverses(chest: Chest, ramp: FloatImage) -> None:
    np.testing.assert_allclose(apply("gamma", ramp, chest, exponent=2.0), ramp**2, atol=1e-6)
    twice = apply("complement", apply("complement", ramp, chest), chest)
    np.testing.assert_allclose(twice, ramp, atol=1e-6)


@pytest.mark.parametrize("mean", [0.35, 0.5, 0.6])
def test_bcet_gives_the_chest_full_range_and_the_wanted_mean(
    mean: float, chest: Chest, ramp: FloatImage
) -> None:
    inside = apply("bcet", ramp, chest, mean=mean)[chest.hull]
    assert inside.min() == pytest.approx(0.0, abs=1e-3)
    assert inside.max() == pytest.approx(1.0, abs=1e-3)
    assert inside.mean() == pytest.approx(mean, abs=1e-3)


def test_bilateral_smooths_noise_and_keeps_an_edge(chest: Chest) -> None:
    edge = np.zeros((SIZE, SIZE), np.float32)
    edge[:, SIZE // 2 :] = 0.8
    noisy = edge + 0.03 * np.random.default_rng(4).standard_normal(edge.shape).astype(np.float32)
    smooth = apply("bilateral", noisy, chest)
    assert smooth[:, :28].std() < 0.7 * noisy[:, :28].std()
    assert smooth[:, SIZE // 2].mean() - smooth[:, SIZE // 2 - 1].mean() > 0.7


def test_the_diaphragm_is_blackened_and_the_lungs_are_not(chest: Chest, ramp: FloatImage) -> None:
    ramp[54:, :] = 1.0
    removed = apply("diaphragm_removal", ramp, chest)
    assert removed[55:, 5:-5].max() == 0.0
    np.testing.assert_array_equal(removed[chest.lungs], ramp[chest.lungs])


def test_a_marker_beside_the_chest_goes_and_a_bright_spot_inside_stays(
    chest: Chest, ramp: FloatImage
) -> None:
    marked = ramp.copy()
    marked[2:6, 2:6] = 1.0
    marked[30:33, 18:21] = 1.0
    removed = apply("marker_removal", marked, chest)
    assert removed[2:6, 2:6].max() < 0.3
    assert removed[31, 19] == 1.0


def test_fading_hides_what_is_outside_and_leaves_the_lungs(chest: Chest, ramp: FloatImage) -> None:
    faded = apply("fade_outside", ramp, chest)
    np.testing.assert_allclose(faded[:4], 0.5, atol=1e-3)
    np.testing.assert_allclose(faded[20:44, 14:50], ramp[20:44, 14:50], atol=0.01)


def test_pseudo_colour_keeps_the_image_in_its_first_channel(chest: Chest, ramp: FloatImage) -> None:
    coloured = apply("pseudo_colour", ramp, chest)
    assert coloured.shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(coloured[..., 0], ramp)
    assert np.abs(coloured[..., 1] - ramp).max() > 0.1


def test_blur_takes_away_what_sharpness_adds(chest: Chest) -> None:
    sharp = np.random.default_rng(5).random((SIZE, SIZE), dtype=np.float32)
    assert apply("blur", sharp, chest, sigma=1.5).std() < 0.4 * sharp.std()
