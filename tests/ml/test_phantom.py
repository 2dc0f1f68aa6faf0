"""Synthetic radiographs: they decode, look plausible to the gate, and repeat exactly."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from apps.studies.decoding.pixels import decode
from ml.contracts import Finding, RejectedInputError, RejectionCode
from ml.inference import OpenVinoClassifier, load
from ml.phantom import (
    DEMO,
    FULL_SCALE,
    KINDS,
    LATERAL,
    MODEL_PATH,
    UNFIT_KINDS,
    image_of,
    phantom,
    phantom_dataset,
    phantom_dicom,
    phantom_png,
)
from tests.peers.program import find_program

SIZE = (320, 288)


@pytest.fixture(scope="module")
def classifier(bundled_model: Path) -> OpenVinoClassifier:
    return load(bundled_model)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_repeats_exactly_and_varies_with_its_seed(kind: str) -> None:
    image = image_of(kind, seed=3, size=SIZE)
    assert image.shape == SIZE
    assert image.dtype == np.uint16
    assert image.max() <= FULL_SCALE
    np.testing.assert_array_equal(image_of(kind, seed=3, size=SIZE), image)
    assert (image_of(kind, seed=4, size=SIZE) != image).mean() > 0.05


def test_a_chest_is_darker_in_the_lungs_than_between_and_below_them() -> None:
    for finding in Finding:
        image = phantom(finding, seed=1, size=(200, 200)).astype(float)
        lungs = (image[70:110, 45:70].mean() + image[70:110, 135:160].mean()) / 2
        assert lungs < image[70:110, 95:105].mean() - 0.1 * FULL_SCALE
        assert lungs < image[160:185, 80:120].mean() - 0.1 * FULL_SCALE


def test_an_unknown_label_is_an_error() -> None:
    with pytest.raises(ValueError, match="measles"):
        phantom("measles", seed=0)


def test_no_single_image_is_in_the_model() -> None:
    assert MODEL_PATH.stat().st_size < 4 * 1024 * 1024
    with np.load(MODEL_PATH, allow_pickle=False) as file:
        images = [name for name in file.files if file[name].ndim >= 2 and file[name].shape[-1] > 100]
        assert sorted(name.split(".")[1] for name in set(images)) == sorted(
            ["mean", "components"] * len(file["families"])
        )


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_says_that_it_is_synthetic(kind: str) -> None:
    ds = dcmread(BytesIO(phantom_dicom(kind, seed=5, size=SIZE)))
    assert str(ds.PatientName).startswith("SYNTHETIC^")
    assert ds.PatientID.startswith("SYNTHETIC-")
    assert "SYNTHETIC" in ds.PatientComments
    assert "SYNTHETIC" in ds.ImageComments
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
    assert all(uid.startswith("2.25.") for uid in (ds.SOPInstanceUID, ds.StudyInstanceUID))
    assert ("ViewPosition" in ds) == (kind not in UNFIT_KINDS)


def test_uids_follow_from_the_arguments() -> None:
    first = phantom_dataset("normal", seed=1, size=SIZE)
    again = phantom_dataset("normal", seed=1, size=SIZE)
    other = phantom_dataset("normal", seed=2, size=SIZE)
    sibling = phantom_dataset("covid19", seed=7, size=SIZE, patient=1001)
    same_study = phantom_dataset("normal", seed=9, size=SIZE, patient=1001)
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.SOPInstanceUID != other.SOPInstanceUID
    assert first.StudyInstanceUID != other.StudyInstanceUID
    assert sibling.StudyInstanceUID == same_study.StudyInstanceUID
    assert sibling.SOPInstanceUID != same_study.SOPInstanceUID
    assert phantom_dicom("normal", seed=1, size=SIZE) == phantom_dicom("normal", seed=1, size=SIZE)


@pytest.mark.peer("dicom3tools")
@pytest.mark.parametrize("kind", ["covid19", "bacterial_pneumonia", "hand"])
def test_objects_are_valid_dicom(kind: str, tmp_path: Path) -> None:
    program = find_program("dciodvfy", package="dicom3tools")
    path = tmp_path / "phantom.dcm"
    path.write_bytes(phantom_dicom(kind, seed=1, size=SIZE))
    checked = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in checked.stderr.splitlines() if line.startswith("Error")]
    assert errors == []


def test_dicom_and_png_show_the_same_image() -> None:
    image = image_of("normal", seed=2, size=SIZE) / FULL_SCALE
    np.testing.assert_allclose(decode(phantom_dicom("normal", seed=2, size=SIZE)).pixels, image, atol=0.001)
    png = np.asarray(Image.open(BytesIO(phantom_png("normal", seed=2, size=SIZE))))
    np.testing.assert_allclose(png / 255, image, atol=0.01)


@pytest.mark.parametrize(("kind", "seed"), DEMO)
def test_the_bundled_model_labels_the_demo_as_its_kind(
    kind: str, seed: int, classifier: OpenVinoClassifier
) -> None:
    radiograph = decode(phantom_dicom(kind, seed=seed))
    if kind in UNFIT_KINDS:
        with pytest.raises(RejectedInputError) as caught:
            classifier.classify(radiograph)
        if kind == LATERAL:
            assert caught.value.rejections[0].code == RejectionCode.NOT_FRONTAL
    else:
        assert classifier.classify(radiograph).label == kind


def test_the_demo_has_every_finding_and_refusals() -> None:
    assert {kind for kind, _ in DEMO} >= {*Finding, "lateral", "hand"}


def test_phantoms_load_nothing_heavy() -> None:
    code = (
        "import sys; from ml.phantom import phantom_dicom; phantom_dicom('normal', seed=0, size=(64, 64));"
        "heavy = ('django', 'cv2', 'openvino', 'tensorflow', 'scipy');"
        "print([module for module in heavy if module in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
