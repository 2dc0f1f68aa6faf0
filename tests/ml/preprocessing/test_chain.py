"""A version's chain of steps: read, written, named and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ml.preprocessing import (
    DEFAULT_PREPROCESSING,
    STEPS,
    WHOLE_IMAGE,
    Preprocessing,
    PreprocessingError,
    Region,
)
from tests.ml.conftest import chest, lung_probabilities


def test_a_chain_survives_json_and_its_name_follows_its_content() -> None:
    chain = Preprocessing.from_text("blur(sigma=1.5), clahe(clip_limit=3, tiles=8), window", margin=0.1)
    assert Preprocessing.from_json(chain.to_json()) == chain
    assert Preprocessing.from_json(chain.to_json()).version == chain.version
    assert chain.version != DEFAULT_PREPROCESSING.version
    assert chain.version.startswith("lungs-2:")
    assert chain.steps[1] == ("clahe", {"clip_limit": 3.0, "tiles": 8.0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blurr", "Unknown step 'blurr'; known: blur"),
        ("blur(radius=2)", "no parameter 'radius'; known: sigma"),
        ("complement(by=1)", "known: none"),
        ("blur(sigma=much)", "expected name"),
        ("pseudo_colour, blur", "no step can follow"),
    ],
)
def test_a_chain_that_cannot_be_used_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(PreprocessingError, match=message):
        Preprocessing.from_text(text)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"version": "lungs-1"},
        {"version": "lungs-2"},
        {**DEFAULT_PREPROCESSING.to_json(), "steps": "blur"},
        {**DEFAULT_PREPROCESSING.to_json(), "steps": [{"sigma": 1}]},
        {**DEFAULT_PREPROCESSING.to_json(), "crop": "circle"},
        {**DEFAULT_PREPROCESSING.to_json(), "margin": 2},
    ],
)
def test_a_malformed_chain_in_a_model_folder_is_refused(value: Mapping[str, Any]) -> None:
    with pytest.raises(PreprocessingError):
        Preprocessing.from_json(value)


@pytest.mark.parametrize("crop", ["squeeze", "square", "whole"])
@pytest.mark.parametrize("step", STEPS)
def test_every_step_keeps_shape_range_and_type_and_repeats_itself(step: str, crop: str) -> None:
    chain = Preprocessing(crop=crop, steps=((step, {}),))
    prepared = chain.prepare(chest(), lung_probabilities(), input_size=64)
    assert prepared.tensor.shape == (1, 64, 64, chain.channels)
    assert prepared.tensor.dtype == np.float32
    assert 0.0 <= prepared.tensor.min() < prepared.tensor.max() <= 1.0
    again = chain.prepare(chest(), lung_probabilities(), input_size=64)
    np.testing.assert_array_equal(again.tensor, prepared.tensor)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_every_step_survives_a_blank_crop(step: str, grey: float) -> None:
    blank = np.full((200, 150), grey, np.float32)
    for lungs in (lung_probabilities(), np.zeros((128, 128), np.float32)):
        tensor = Preprocessing(steps=((step, {}),)).prepare(blank, lungs, input_size=32).tensor
        assert np.isfinite(tensor).all()


def test_a_square_crop_keeps_the_shape_of_the_lungs_and_a_squeezed_one_does_not() -> None:
    tall = chest(height=384, width=300)
    for crop, stretched in (("squeeze", True), ("square", False)):
        region = Preprocessing(crop=crop).prepare(tall, lung_probabilities(), input_size=64).region
        box = region.box(384, 300)
        ratio = (box.bottom - box.top) / (box.right - box.left)
        assert (abs(ratio - 1) > 0.1) is stretched


def test_a_region_grows_to_a_square_inside_the_image() -> None:
    assert Region(0.0, 0.0, 0.5, 1.0).squared(100, 100) == WHOLE_IMAGE
    assert Region(0.4, 0.0, 0.6, 0.2).squared(100, 200) == Region(0.3, 0.0, 0.7, 0.2)
    # Twice as high as wide: the image has no room for a square.
    assert Region(0.0, 0.2, 1.0, 0.8).squared(200, 100) == WHOLE_IMAGE
