"""A model version loads only if it is whole, answers alike every time, and explains itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from ml.contracts import (
    INCONCLUSIVE,
    FloatImage,
    Radiograph,
    RadiographFacts,
    RejectedInputError,
    RejectionCode,
)
from ml.inference import (
    GoldenPredictionError,
    ModelLoadError,
    OpenVinoClassifier,
    golden_check,
    golden_prediction,
    load,
)
from ml.inference.decision import calibrated_probabilities, conformal_set, covid19_status
from ml.model_folder import ModelFolderError, folder_digest, write_spec
from tests.ml.tiny_version import LABELS, shaded_chest, write_tiny_version


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version")
    write_tiny_version(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(folder: Path) -> OpenVinoClassifier:
    return load(folder, precision="f32")


def radiograph(pixels: FloatImage, *warnings: str) -> Radiograph:
    return Radiograph(pixels, RadiographFacts(), warnings)


def test_a_radiograph_is_classified_and_explained(classifier: OpenVinoClassifier, folder: Path) -> None:
    prediction = classifier.classify(
        radiograph(shaded_chest(height=1024, width=900), "a window was left out")
    )

    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert tuple(prediction.probabilities) == LABELS
    assert prediction.label == "covid19"
    assert prediction.prediction_set == ("covid19",)
    assert prediction.covid19_status == "positive"
    assert prediction.abnormality == pytest.approx(1 - prediction.probabilities["normal"])
    assert prediction.warnings == ("a window was left out",)
    assert set(prediction.timing_ms) == {"preprocess", "infer", "explain"}
    assert classifier.sha256 == folder_digest(folder)


def test_saliency_covers_the_lung_box(classifier: OpenVinoClassifier) -> None:
    prediction = classifier.classify(radiograph(shaded_chest(height=1000, width=1000)))
    assert prediction.box is not None
    assert prediction.lung_mask is not None
    assert 20 < prediction.box.top < 250
    assert 750 < prediction.box.bottom < 990
    assert set(prediction.saliency) == set(LABELS)
    for saliency in prediction.saliency.values():
        assert saliency.shape == (8, 8)
        assert saliency.min() >= 0
        assert saliency.max() <= 1
    assert prediction.saliency["covid19"].max() == 1
    assert prediction.saliency["normal"].max() == 0


def test_size_of_the_image_hardly_matters(classifier: OpenVinoClassifier) -> None:
    small = classifier.classify(radiograph(shaded_chest(height=300, width=300)))
    large = classifier.classify(radiograph(shaded_chest(height=1024, width=1024)))
    assert large.probabilities["covid19"] == pytest.approx(small.probabilities["covid19"], abs=0.05)


def test_threads_get_the_same_answer(classifier: OpenVinoClassifier) -> None:
    images = [shaded_chest(seed=seed, opacity=seed / 20) for seed in range(6)]
    expected = [classifier.classify(radiograph(image)).probabilities for image in images]
    found: list[dict[str, float]] = [{} for _ in images]

    def ask(index: int) -> None:
        for _ in range(10):
            found[index] = dict(classifier.classify(radiograph(images[index])).probabilities)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_bf16_answers_nearly_as_f32(folder: Path, classifier: OpenVinoClassifier) -> None:
    image = radiograph(shaded_chest())
    coarse = load(folder, precision="bf16").classify(image).probabilities
    for label, value in classifier.classify(image).probabilities.items():
        assert coarse[label] == pytest.approx(value, abs=0.03)


def test_automatic_precision_is_one_of_the_two(folder: Path) -> None:
    assert load(folder).precision in ("bf16", "f32")


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "lungs.xml", "lungs.bin", "card.md"])
def test_one_flipped_byte_keeps_a_version_out(name: str, tmp_path: Path) -> None:
    write_tiny_version(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFolderError, match=name):
        load(tmp_path)


def test_another_version_than_expected_is_refused(folder: Path) -> None:
    load(folder, expected_sha256=folder_digest(folder))
    with pytest.raises(ModelFolderError, match="was expected"):
        load(folder, expected_sha256="0" * 64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preprocessing": {"version": "lungs-1"}}, "lungs-1.*asked for"),
        ({"preprocessing": {}}, "asked for"),
        ({"labels": (*LABELS, "tuberculosis")}, "conformal_quantiles"),
        ({"labels": LABELS[:3]}, "labels were expected"),
        ({"temperature": 0.0}, "temperature"),
        ({"input_size": 32}, None),
    ],
)
def test_a_version_that_does_not_fit_its_graph_is_refused(
    changes: dict[str, object], message: str | None, tmp_path: Path
) -> None:
    write_tiny_version(tmp_path, **changes)  # type: ignore[arg-type]  # varied by name
    with pytest.raises((ModelLoadError, RuntimeError), match=message):
        load(tmp_path)


def test_a_graph_that_is_none_is_refused(tmp_path: Path) -> None:
    spec = write_tiny_version(tmp_path)
    (tmp_path / "model.xml").write_text("<net/>")
    write_spec(tmp_path, spec)
    with pytest.raises(ModelLoadError, match="cannot be compiled"):
        load(tmp_path)


def test_thresholds_can_be_replaced_but_only_for_known_findings(folder: Path) -> None:
    strict = load(folder, precision="f32", operating_points={"covid19": 0.999})
    prediction = strict.classify(radiograph(shaded_chest()))
    assert prediction.operating_points["covid19"] == 0.999
    assert prediction.operating_points["normal"] == 0.5
    assert prediction.label == "covid19"
    assert prediction.covid19_status == "inconclusive"
    with pytest.raises(ModelLoadError, match="measles"):
        load(folder, operating_points={"measles": 0.5})


def test_what_is_not_a_chest_is_refused(classifier: OpenVinoClassifier) -> None:
    empty = shaded_chest()
    empty[:] = 0.5 + np.random.default_rng(0).normal(0, 0.15, empty.shape)
    with pytest.raises(RejectedInputError) as caught:
        classifier.classify(radiograph(np.clip(empty, 0, 1).astype(np.float32)))
    assert caught.value.rejections[0].code == RejectionCode.NOT_CHEST


def test_golden_prediction_holds_for_the_version_that_gave_it(tmp_path: Path) -> None:
    write_tiny_version(tmp_path)
    golden = golden_prediction(tmp_path)
    assert json.loads(json.dumps(golden)) == golden
    write_tiny_version(tmp_path, golden=golden)
    golden_check(tmp_path, precision="f32")
    golden_check(tmp_path, precision="bf16")

    write_tiny_version(tmp_path, golden=golden, slopes=(8.0, -8.0, 0.0, 2.0, -1.0))
    with pytest.raises(GoldenPredictionError, match="differs"):
        golden_check(tmp_path)


@pytest.mark.parametrize("golden", [{}, {"input": "golden.npz"}, {"input": "../x", "probabilities": {}}])
def test_a_version_without_a_golden_prediction_does_not_pass(
    golden: dict[str, object], tmp_path: Path
) -> None:
    write_tiny_version(tmp_path, golden=golden)
    with pytest.raises(GoldenPredictionError, match="no usable golden"):
        golden_check(tmp_path)


def test_temperature_flattens_and_keeps_the_order() -> None:
    logits = np.array([2.0, 0.0, -1.0], np.float32)
    sharp = calibrated_probabilities(logits, ("a", "b", "c"), temperature=1.0)
    flat = calibrated_probabilities(logits, ("a", "b", "c"), temperature=3.0)
    assert sharp["a"] > flat["a"] > flat["b"] > flat["c"] > sharp["c"]
    assert sum(flat.values()) == pytest.approx(1)


def test_the_conformal_set_takes_each_finding_by_its_own_quantile() -> None:
    probabilities = {"normal": 0.5, "covid19": 0.3, "lung_opacity": 0.2}
    assert conformal_set(probabilities, {"normal": 0.6, "covid19": 0.8, "lung_opacity": 0.7}) == (
        "normal",
        "covid19",
    )
    assert conformal_set(probabilities, dict.fromkeys(probabilities, 0.1)) == ()


@pytest.mark.parametrize(
    ("covid19", "prediction_set", "expected"),
    [
        (0.9, ("covid19",), "positive"),
        (0.4, ("covid19",), "inconclusive"),
        (0.9, ("covid19", "normal"), "inconclusive"),
        (0.1, ("normal",), "negative"),
        (0.1, ("normal", "lung_opacity"), "negative"),
        (0.1, (), "inconclusive"),
    ],
)
def test_covid19_status(covid19: float, prediction_set: tuple[str, ...], expected: str) -> None:
    assert covid19_status({"covid19": covid19}, prediction_set, {"covid19": 0.5}) == expected


def test_a_vocabulary_without_covid19_has_no_status() -> None:
    assert covid19_status({"tuberculosis": 0.9}, ("tuberculosis",), {}) == "inconclusive"


def test_an_open_question_is_inconclusive(tmp_path: Path) -> None:
    write_tiny_version(tmp_path, slopes=(0.0, 0.0, 0.0, 0.0, 0.0), quantile=0.9)
    prediction = load(tmp_path).classify(radiograph(shaded_chest()))
    assert prediction.label == INCONCLUSIVE
    assert len(prediction.prediction_set) == 5
