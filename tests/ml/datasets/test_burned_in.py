"""Lettering in the pixels is found; ribs, markers of one letter and noise are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ml.contracts import Finding
from ml.datasets.burned_in import burned_in_text
from ml.phantom import phantom

SIDE = 512


def chest(label: str = "normal", seed: int = 0) -> NDArray[np.uint8]:
    return (phantom(label, seed=seed, size=(SIDE, SIDE)) >> 4).astype(np.uint8)


def lettered(text: str, *, at: tuple[int, int], height: int, fill: int) -> NDArray[np.uint8]:
    image = Image.fromarray(chest())
    ImageDraw.Draw(image).text(at, text, fill=fill, font=ImageFont.load_default(height))
    return np.asarray(image)


@pytest.mark.parametrize("height", [12, 20, 36])
@pytest.mark.parametrize(
    "text", ["NIGHTINGALE FLORENCE", "12.05.1920", "Florence N. 05/12/20", "ID 4711-0815"]
)
def test_names_numbers_and_dates_are_found_where_they_stand(text: str, height: int) -> None:
    image = lettered(text, at=(30, 20), height=height, fill=255)
    found = burned_in_text(image)
    assert found
    assert all(box.top < 20 + 2 * height for box in found)


def test_dark_letters_on_bright_ground_are_found() -> None:
    image = chest()
    image[:40] = 230
    labelled = Image.fromarray(image)
    ImageDraw.Draw(labelled).text((20, 8), "SEACOLE MARY", fill=10, font=ImageFont.load_default(20))
    assert burned_in_text(np.asarray(labelled))


@pytest.mark.parametrize("label", Finding)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_radiograph_without_lettering_has_none(label: str, seed: int) -> None:
    assert burned_in_text(chest(label, seed)) == []


@pytest.mark.parametrize("marker", ["R", "L", "AP"])
def test_a_side_marker_names_nobody(marker: str) -> None:
    assert burned_in_text(lettered(marker, at=(40, 40), height=36, fill=255)) == []


def test_an_image_smaller_than_a_letter_has_none() -> None:
    assert burned_in_text(np.zeros((5, 5), np.uint8)) == []
