"""A worker carries out one diagnosis, with the bundled model, on radiographs of nobody."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from apps.core.leases import MAX_ATTEMPTS, LeaseLostError
from apps.diagnosis.models import Diagnosis, Triage, WorklistEntry
from apps.diagnosis.selectors import diagnosis_result
from apps.diagnosis.services import diagnosis_run
from apps.diagnosis.services.running import _carry_out
from apps.diagnosis.signals import diagnosis_finished
from apps.registry.engine import folder_check
from apps.registry.models import ModelVersion
from apps.studies.objects import object_open, object_storage
from ml.contracts import Finding
from ml.phantom import phantom_dicom, phantom_png
from tests.diagnosis.conftest import version_of

pytestmark = pytest.mark.django_db
Status = Diagnosis.Status
Receive = Callable[[bytes], Diagnosis]
SIZE = (512, 480)


def run(diagnosis: Diagnosis) -> Diagnosis:
    """Do what the task does; return the row as it is afterwards."""
    diagnosis_run(diagnosis_id=diagnosis.pk)
    return Diagnosis.objects.get(pk=diagnosis.pk)


def image(key: str) -> Image.Image:
    """Open a stored image."""
    with object_open(key) as file:
        return Image.open(BytesIO(file.read()))


def stored_objects() -> set[Path]:
    """Return every file in the object store."""
    return {path for path in Path(object_storage().path("")).rglob("*") if path.is_file()}


@pytest.fixture
def finished() -> Iterator[list[Diagnosis]]:
    """Collect what `diagnosis_finished` tells."""
    heard: list[Diagnosis] = []

    def hear(diagnosis: Diagnosis, **_: Any) -> None:
        heard.append(diagnosis)

    diagnosis_finished.connect(hear)
    yield heard
    diagnosis_finished.disconnect(hear)


def test_a_radiograph_is_classified_explained_and_listed(
    bundled: ModelVersion, receive: Receive, finished: list[Diagnosis]
) -> None:
    diagnosis = run(receive(phantom_dicom(Finding.NORMAL, seed=1, size=SIZE)))

    assert diagnosis.status == Status.COMPLETED, diagnosis.rejections or diagnosis.error
    assert diagnosis.model_version == bundled
    answer = diagnosis_result(diagnosis)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert list(answer["probabilities"]) == bundled.labels
    assert answer["abnormality"] == pytest.approx(1 - answer["probabilities"]["normal"], abs=1e-5)
    assert set(answer["timing_ms"]) == {"decode", "preprocess", "infer", "explain", "total"}
    assert diagnosis.preprocessing_version == bundled.preprocessing_version
    preview = image(diagnosis.instance.preview_key)
    assert (preview.mode, preview.size) == ("L", (SIZE[1], SIZE[0]))
    for key in [*answer["saliency"].values(), diagnosis.lung_outline_key]:
        overlay = image(key)
        assert overlay.mode == "RGBA"
        assert overlay.width / overlay.height == pytest.approx(preview.width / preview.height, rel=0.02)
    assert set(answer["saliency"]) == set(bundled.labels)
    entry = WorklistEntry.objects.get()
    assert (entry.status, entry.label, entry.headline) == ("completed", diagnosis.label, diagnosis)
    assert finished == [diagnosis]
    assert finished[0].status == Status.COMPLETED


def test_a_message_that_comes_twice_does_nothing(
    bundled: ModelVersion, receive: Receive, finished: list[Diagnosis]
) -> None:
    diagnosis = run(receive(phantom_png(Finding.COVID19, seed=1, size=SIZE)))
    stored = stored_objects()

    again = run(diagnosis)

    assert (again.attempts, again.findings.count(), len(finished)) == (1, 5, 1)
    assert stored_objects() == stored


@pytest.mark.parametrize("kind", ["lateral", "hand", "document", "blank"])
def test_what_is_no_frontal_chest_is_rejected_and_shown(
    bundled: ModelVersion, receive: Receive, kind: str
) -> None:
    diagnosis = run(receive(phantom_dicom(kind, seed=1, size=SIZE)))

    assert diagnosis.status == Status.REJECTED
    assert diagnosis.rejections
    assert set(diagnosis.rejections[0]) == {"code", "detail"}
    assert (diagnosis.label, diagnosis.triage, diagnosis.findings.count()) == ("", Triage.NONE, 0)
    assert image(diagnosis.instance.preview_key).mode == "L"
    assert WorklistEntry.objects.get().status == WorklistEntry.Status.REJECTED


def test_damaged_pixels_are_rejected_as_unreadable(bundled: ModelVersion, receive: Receive) -> None:
    whole = bytearray(phantom_png(Finding.NORMAL, seed=2, size=SIZE))
    whole[len(whole) // 2] ^= 0xFF

    diagnosis = run(receive(bytes(whole)))

    assert diagnosis.status == Status.REJECTED
    assert [rejection["code"] for rejection in diagnosis.rejections] == ["unreadable"]
    assert diagnosis.instance.preview_key == ""


def test_one_flipped_bit_of_a_stored_object_is_seen_before_inference(
    bundled: ModelVersion, receive: Receive
) -> None:
    diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=3, size=SIZE))
    path = Path(object_storage().path(diagnosis.instance.storage_key))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)

    diagnosis = run(diagnosis)

    assert diagnosis.status == Status.FAILED
    assert "expected " + diagnosis.instance.file_sha256 in diagnosis.error
    assert WorklistEntry.objects.get().status == WorklistEntry.Status.FAILED


def test_a_lost_object_is_said_so(bundled: ModelVersion, receive: Receive) -> None:
    diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=4, size=SIZE))
    Path(object_storage().path(diagnosis.instance.storage_key)).unlink()

    diagnosis = run(diagnosis)

    assert (diagnosis.status, diagnosis.attempts) == (Status.FAILED, 1)
    assert "is gone" in diagnosis.error


def test_work_waits_for_a_champion(receive: Receive) -> None:
    diagnosis = run(receive(phantom_dicom(Finding.NORMAL, seed=5, size=SIZE)))
    assert (diagnosis.status, diagnosis.attempts) == (Status.QUEUED, 0)
    assert "No model is champion yet" in diagnosis.error
    checked = folder_check(Path(settings.BUNDLED_MODEL_DIR))
    version = version_of(checked.sha256, checked.path, labels=checked.spec.labels)

    diagnosis = run(diagnosis)

    assert (diagnosis.status, diagnosis.model_version, diagnosis.error) == (Status.COMPLETED, version, "")


@pytest.fixture
def other_version(bundled: ModelVersion, tmp_path: Path) -> ModelVersion:
    """A champion of the same weights under another digest, so that no process has it loaded."""
    folder = tmp_path / "other"
    shutil.copytree(settings.BUNDLED_MODEL_DIR, folder)
    spec = json.loads((folder / "model.json").read_text())
    spec["name"] = f"cxr {tmp_path.name}"
    (folder / "model.json").write_text(json.dumps(spec))
    return version_of(folder_check(folder).sha256, folder, labels=tuple(spec["labels"]))


def test_work_waits_while_the_model_is_damaged(other_version: ModelVersion, receive: Receive) -> None:
    graph = Path(settings.MODELS_DIR) / other_version.folder / "model.bin"
    sound = graph.read_bytes()
    graph.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    diagnosis = run(receive(phantom_dicom(Finding.NORMAL, seed=6, size=SIZE)))
    assert (diagnosis.status, diagnosis.attempts) == (Status.QUEUED, 0)
    assert "model.bin" in diagnosis.error
    graph.write_bytes(sound)

    assert run(diagnosis).status == Status.COMPLETED


def test_what_nobody_expected_is_tried_three_times(
    other_version: ModelVersion, receive: Receive, settings: Settings
) -> None:
    settings.INFERENCE_PRECISION = "int3"
    diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=7, size=SIZE))

    for attempt in range(1, MAX_ATTEMPTS):
        diagnosis = run(diagnosis)
        assert (diagnosis.status, diagnosis.attempts) == (Status.QUEUED, attempt)
    diagnosis = run(diagnosis)

    assert diagnosis.status == Status.FAILED
    assert "Tried 3 times" in diagnosis.error
    assert "int3" in diagnosis.error


def test_a_worker_that_lost_its_lease_leaves_nothing_behind(bundled: ModelVersion, receive: Receive) -> None:
    diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=8, size=SIZE))
    slow = Diagnosis.objects.claim(diagnosis.pk)
    assert slow is not None
    Diagnosis.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    quick = Diagnosis.objects.claim(diagnosis.pk)
    assert quick is not None
    before = stored_objects()

    with pytest.raises(LeaseLostError):
        _carry_out(diagnosis, Diagnosis.objects.leased(diagnosis.pk, slow))

    assert stored_objects() == before
    assert diagnosis.findings.count() == 0
    _carry_out(diagnosis, Diagnosis.objects.leased(diagnosis.pk, quick))
    assert Diagnosis.objects.get().status == Status.COMPLETED
    assert diagnosis.findings.count() == 5


def test_a_site_s_thresholds_replace_the_version_s(
    other_version: ModelVersion, receive: Receive, settings: Settings
) -> None:
    settings.RESULT_THRESHOLDS = {"covid19": 0.123}

    diagnosis = run(receive(phantom_dicom(Finding.NORMAL, seed=9, size=SIZE)))

    assert diagnosis.findings.get(label="covid19").operating_point == pytest.approx(0.123)
