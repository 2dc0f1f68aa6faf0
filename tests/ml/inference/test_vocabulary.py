"""What a version says does not depend on what its classes are called, but on what they gather."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.contracts import Classes, Radiograph, RadiographFacts, findings_of
from ml.inference import load
from ml.inference.decision import abnormality, covid19_status
from tests.ml.tiny_version import shaded_chest, write_tiny_version

POSITIVE: Classes = {
    "positive": ["covid19"],
    "negative": ["normal", "viral_pneumonia", "bacterial_pneumonia", "lung_opacity"],
}
THREE: Classes = {"normal": ["normal"], "covid19": ["covid19"], "pneumonia": ["viral_pneumonia"]}
MERGED: Classes = {"healthy": ["normal"], "infection": ["covid19", "viral_pneumonia"]}


def test_a_label_that_gathers_nothing_else_stands_for_itself() -> None:
    assert findings_of("tuberculosis", {}) == {"tuberculosis"}
    assert findings_of("positive", POSITIVE) == {"covid19"}


@pytest.mark.parametrize(
    ("classes", "probabilities", "prediction_set", "expected"),
    [
        (POSITIVE, {"positive": 0.9, "negative": 0.1}, ("positive",), "positive"),
        (POSITIVE, {"positive": 0.3, "negative": 0.7}, ("positive",), "inconclusive"),
        (POSITIVE, {"positive": 0.1, "negative": 0.9}, ("negative",), "negative"),
        (POSITIVE, {"positive": 0.6, "negative": 0.4}, ("positive", "negative"), "inconclusive"),
        (THREE, {"normal": 0.1, "covid19": 0.1, "pneumonia": 0.8}, ("pneumonia",), "negative"),
        (MERGED, {"healthy": 0.1, "infection": 0.9}, ("infection",), "inconclusive"),
        (MERGED, {"healthy": 0.9, "infection": 0.1}, ("healthy",), "negative"),
    ],
)
def test_covid19_status_asks_what_the_classes_gather(
    classes: Classes, probabilities: dict[str, float], prediction_set: tuple[str, ...], expected: str
) -> None:
    points = dict.fromkeys(probabilities, 0.5)
    assert covid19_status(probabilities, prediction_set, points, classes) == expected


def test_abnormality_is_what_no_class_with_normal_in_it_explains() -> None:
    assert abnormality({"healthy": 0.9, "infection": 0.1}, MERGED) == pytest.approx(0.1)
    assert abnormality({"positive": 0.7, "negative": 0.3}, POSITIVE) == pytest.approx(0.7)
    kinds: Classes = {"viral": ["viral_pneumonia"], "bacterial": ["bacterial_pneumonia"]}
    assert abnormality({"viral": 0.6, "bacterial": 0.4}, kinds) == 0.6


@pytest.mark.parametrize(
    ("classes", "slopes", "label", "status"),
    [
        (POSITIVE, (9.0, -9.0), "positive", "positive"),
        (POSITIVE, (-9.0, 9.0), "negative", "negative"),
        (THREE, (-9.0, 9.0, -9.0), "covid19", "positive"),
        ({**THREE, "bacterial": ["bacterial_pneumonia"]}, (-9.0, -9.0, -9.0, 9.0), "bacterial", "negative"),
    ],
    ids=["two: positive", "two: negative", "three", "four"],
)
def test_a_version_answers_in_its_own_vocabulary(
    tmp_path: Path, classes: Classes, slopes: tuple[float, ...], label: str, status: str
) -> None:
    write_tiny_version(
        tmp_path,
        slopes=slopes,
        labels=tuple(classes),
        classes=classes,
        conformal_quantiles=dict.fromkeys(classes, 0.7),
        operating_points=dict.fromkeys(classes, 0.5),
    )
    prediction = load(tmp_path, precision="f32").classify(Radiograph(shaded_chest(), RadiographFacts()))
    assert (prediction.label, prediction.covid19_status) == (label, status)
    assert list(prediction.probabilities) == list(prediction.saliency) == list(classes)
