"""The view network's part of the gate: what passes, and with which words the rest is sent back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from ml.contracts import Radiograph, RadiographFacts, RejectedInputError, RejectionCode
from ml.inference import OpenVinoClassifier, load
from ml.inference.graphs import ModelLoadError
from ml.inference.views import (
    FRONTAL_LIMIT,
    REFUSALS,
    VIEW_GRAPH,
    VIEW_INPUT_SIZE,
    VIEWS,
    View,
    check_view,
    view_input,
)
from ml.preprocessing import lung_input
from tests.ml.tiny_version import FITNESS, shaded_chest, write_tiny_version

BRIGHT = 0.55
"""Mean grey above which the tests' network calls an image inverted."""


def probabilities(**given: float) -> list[float]:
    return [given.get(view.value, 0.0) for view in VIEWS]


def write_view_graph(folder: Path, *, views: int = len(VIEWS)) -> None:
    """Write a network that calls dark images frontal and bright ones inverted."""
    size = VIEW_INPUT_SIZE
    image = ops.parameter([-1, size, size, 1], np.float32, name="image")
    mean = ops.reduce_mean(image, ops.constant(np.array([1, 2])), False)
    slopes = np.zeros((1, views), np.float32)
    slopes[0, 0], slopes[0, VIEWS.index(View.INVERTED)] = -100, 100
    above = ops.subtract(mean, ops.constant(np.float32(BRIGHT)))
    answer = ops.softmax(ops.matmul(above, ops.constant(slopes), False, False), 1)
    answer.output(0).get_tensor().set_names({"views"})
    openvino.save_model(
        openvino.Model([ops.result(answer)], [image], "views"),
        str(folder / f"{VIEW_GRAPH}.xml"),
        compress_to_fp16=False,
    )


def loaded(folder: Path, *, limit: float | None = None, views: int = len(VIEWS)) -> OpenVinoClassifier:
    folder.mkdir()
    write_view_graph(folder, views=views)
    limits = {} if limit is None else {FRONTAL_LIMIT: limit}
    write_tiny_version(folder, fitness={**FITNESS, **limits})
    return load(folder, precision="f32")


def test_every_view_but_the_frontal_one_has_a_reason_and_says_what_to_do() -> None:
    assert set(REFUSALS) == set(VIEWS) - {View.FRONTAL}
    assert len({rejection.detail for rejection in REFUSALS.values()}) == len(REFUSALS)


def test_the_likeliest_other_view_is_the_reason() -> None:
    check_view(probabilities(frontal=0.9, lateral=0.1), 0.9)
    with pytest.raises(RejectedInputError, match="lateral view") as caught:
        check_view(probabilities(frontal=0.5, turned=0.1, lateral=0.4), 0.6)
    assert caught.value.rejections[0].code == RejectionCode.NOT_FRONTAL


def test_the_network_sees_the_whole_image_small() -> None:
    image = shaded_chest(height=300, width=200)
    seen = view_input(lung_input(image))
    assert seen.shape == (1, VIEW_INPUT_SIZE, VIEW_INPUT_SIZE, 1)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen.mean(), lung_input(image).mean(), atol=1e-5)


def test_a_version_with_the_network_refuses_by_it(tmp_path: Path) -> None:
    classifier = loaded(tmp_path / "version", limit=0.5)
    chest = shaded_chest(height=300, width=280)
    classifier.check(Radiograph(chest, RadiographFacts()))
    assert classifier.classify(Radiograph(chest, RadiographFacts())).label
    with pytest.raises(RejectedInputError, match="swapped") as caught:
        classifier.classify(Radiograph(chest ** np.float32(0.3), RadiographFacts()))
    assert caught.value.rejections[0].code == RejectionCode.POOR_QUALITY


def test_probabilities_are_given_whatever_the_network_thinks(tmp_path: Path) -> None:
    classifier = loaded(tmp_path / "version", limit=1.0)
    with pytest.raises(RejectedInputError):
        classifier.check(Radiograph(shaded_chest(), RadiographFacts()))
    assert classifier.probabilities(Radiograph(shaded_chest(), RadiographFacts()))


def test_a_network_without_its_limit_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=FRONTAL_LIMIT):
        loaded(tmp_path / "version")


def test_a_network_with_other_views_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="views were expected"):
        loaded(tmp_path / "version", views=len(VIEWS) + 1, limit=0.5)
