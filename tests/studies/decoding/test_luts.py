"""Modality LUT, VOI LUT, one inversion: PS3.3 C.11, and what senders make of it."""

from itertools import pairwise

import numpy as np
import pytest
from pydicom.dataset import Dataset

from apps.studies.decoding.pixels import decode
from tests.studies.decoding.objects import dataset, negative, part10, picture, voi_lut


def windowed(**attributes: object) -> Dataset:
    ds = dataset(picture())
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def with_voi_lut() -> Dataset:
    gamma = np.round(4095 * (np.arange(3000) / 2999) ** 0.6).astype(np.uint16)
    ds = windowed()
    ds.VOILUTSequence = [voi_lut(gamma, first=400, bits=12)]
    return ds


def with_large_picture(rows: int, columns: int) -> Dataset:
    ds = dataset(picture(rows=rows, columns=columns))
    ds.WindowCenter, ds.WindowWidth = 1800, 2500
    return ds


@pytest.mark.parametrize(
    "ds",
    [
        pytest.param(windowed(), id="no VOI"),
        pytest.param(windowed(WindowCenter=1800, WindowWidth=2500), id="linear"),
        pytest.param(windowed(WindowCenter=1801.5, WindowWidth=777), id="half centre"),
        pytest.param(
            windowed(WindowCenter=1800, WindowWidth=2500, VOILUTFunction="LINEAR_EXACT"), id="exact"
        ),
        pytest.param(windowed(WindowCenter=1800, WindowWidth=900, VOILUTFunction="SIGMOID"), id="sigmoid"),
        pytest.param(with_voi_lut(), id="VOI LUT"),
        pytest.param(with_large_picture(2500, 2047), id="reduced by 2 and a fraction"),
        pytest.param(with_large_picture(1300, 1200), id="reduced by a fraction"),
        pytest.param(with_large_picture(2048, 3072), id="reduced by 3"),
    ],
)
def test_monochrome1_gives_the_identical_tensor(ds: Dataset) -> None:
    positive = decode(part10(ds))

    assert positive.pixels.std() > 0.1
    np.testing.assert_array_equal(decode(part10(negative(ds))).pixels, positive.pixels)


def test_a_window_maps_its_edges_to_black_and_white() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 16, (200, 1))
    ds = dataset(ramp)
    ds.WindowCenter, ds.WindowWidth = 2048, 1025

    row = decode(part10(ds)).pixels[0]

    low, high = 2048 - 0.5 - 512, 2048 - 0.5 + 512
    expected = np.clip((ramp[0] - low) / (high - low), 0, 1)
    np.testing.assert_allclose(row, expected, atol=1e-4)


def test_rescale_and_window_are_in_the_same_units() -> None:
    plain = windowed(WindowCenter=1800, WindowWidth=2500, VOILUTFunction="LINEAR_EXACT")
    rescaled = windowed(
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=2600,
        WindowWidth=5000,
        VOILUTFunction="LINEAR_EXACT",
    )
    np.testing.assert_array_equal(decode(part10(rescaled)).pixels, decode(part10(plain)).pixels)


def test_a_negative_slope_turns_the_image_over_once() -> None:
    plain = decode(part10(windowed())).pixels
    turned = decode(part10(windowed(RescaleSlope=-1, RescaleIntercept=4095))).pixels
    np.testing.assert_allclose(turned, 1 - plain, atol=1e-3)


def test_inverse_shape_with_monochrome1_inverts_once() -> None:
    with_shape = windowed(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    without = windowed(PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(decode(part10(with_shape)).pixels, decode(part10(without)).pixels)
    np.testing.assert_allclose(
        decode(part10(without)).pixels, 1 - decode(part10(windowed())).pixels, atol=1e-3
    )


def test_a_voi_lut_is_looked_up() -> None:
    ds = with_voi_lut()
    pixels = decode(part10(ds)).pixels
    expected = 4095 * (np.clip(picture().astype(float) - 400, 0, 2999) / 2999) ** 0.6
    np.testing.assert_allclose(pixels, np.round(expected) / 4095, atol=1e-4)


def test_a_modality_lut_comes_before_the_window() -> None:
    table = np.arange(4096, dtype=np.uint16)[::-1].copy()
    ds = windowed(WindowCenter=1800, WindowWidth=2500, VOILUTFunction="LINEAR_EXACT")
    ds.ModalityLUTSequence = [voi_lut(table, first=0, bits=12)]
    reference = windowed(WindowCenter=1800, WindowWidth=2500, VOILUTFunction="LINEAR_EXACT")
    reference.PixelData = (4095 - picture()).astype(np.uint16).tobytes()
    np.testing.assert_array_equal(decode(part10(ds)).pixels, decode(part10(reference)).pixels)


@pytest.mark.parametrize(
    ("centre", "width"), [("NaN", "NaN"), ("1800", "0"), ("1800", "-5"), ("inf", "100"), ("900000", "10")]
)
def test_an_unusable_window_is_left_out_with_a_warning(centre: str, width: str) -> None:
    ds = windowed()
    data = part10(windowed(WindowCenter="1111111", WindowWidth="2222222"))
    data = data.replace(b"1111111 ", centre.encode().ljust(8)).replace(b"2222222 ", width.encode().ljust(8))

    decoded = decode(data)

    assert any("window" in warning.lower() for warning in decoded.warnings)
    np.testing.assert_array_equal(decoded.pixels, decode(part10(ds)).pixels)


@pytest.mark.parametrize("entries", [0, 10])
def test_a_short_voi_lut_is_left_out_with_a_warning(entries: int) -> None:
    ds = windowed()
    ds.VOILUTSequence = [voi_lut(np.arange(10, dtype=np.uint16), first=0, bits=12)]
    ds.VOILUTSequence[0].LUTDescriptor = [4096, 0, 12]

    decoded = decode(part10(ds))

    assert any("VOI LUT" in warning for warning in decoded.warnings)
    np.testing.assert_array_equal(decoded.pixels, decode(part10(windowed())).pixels)


def test_eight_bits_without_a_window_pass_unchanged() -> None:
    values = picture(bits=8)
    np.testing.assert_allclose(decode(part10(dataset(values, bits=8))).pixels, values / 255, atol=1e-6)


def test_bits_above_the_stored_ones_are_ignored() -> None:
    values = picture()
    overlaid = values | (np.uint16(1) << np.uint16(15))
    np.testing.assert_array_equal(
        decode(part10(dataset(overlaid))).pixels, decode(part10(dataset(values))).pixels
    )


def test_reduction_keeps_the_aspect_and_the_means() -> None:
    for rows, columns in [(2500, 2048), (1024, 800), (1100, 1500), (3000, 3000), (2048, 300)]:
        values = picture(rows=rows, columns=columns)
        ds = dataset(values)
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 2048, 4096, "LINEAR_EXACT"

        pixels = decode(part10(ds)).pixels

        assert max(pixels.shape) <= 1024
        assert pixels.shape[0] / pixels.shape[1] == pytest.approx(rows / columns, rel=0.02)
        assert pixels.mean() == pytest.approx(values.mean() / 4096, abs=0.01)
        quarters = [round(pixels.shape[0] * k / 4) for k in range(5)]
        for (top, bottom), quarter in zip(pairwise(quarters), np.array_split(values, 4), strict=True):
            assert pixels[top:bottom].mean() == pytest.approx(quarter.mean() / 4096, abs=0.01)
