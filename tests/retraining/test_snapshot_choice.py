"""Who is in a data set, by which label, and that nothing says whose images they are."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from apps.retraining.models import DatasetSnapshot
from apps.retraining.selectors import snapshot_folder, snapshots_with_patient
from apps.retraining.services import (
    consent_record,
    laboratory_result_record,
)
from apps.studies.models import Instance
from ml.phantom import phantom, phantom_dicom
from tests.retraining.data_sets import made, some_read
from tests.retraining.patients import (
    BIRTH_DATE,
    NAME,
    SIZE,
    STUDY_DATE,
    actor_of,
    classified,
    patient_of,
    radiograph,
    read,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("datasets_dir")]
Status = DatasetSnapshot.Status


def test_nothing_of_a_patient_is_in_any_byte(scientist: Actor) -> None:
    planted = {
        "ReferringPhysicianName": "Seacole^Mary",
        "InstitutionName": "Scutari Barracks",
        "StationName": "ROOM-17",
        "AccessionNumber": "ACC-4711",
        "PatientComments": "lives in South Street",
        "StudyDescription": "chest of the lady",
        "DeviceSerialNumber": "SN-0815",
    }
    for seed in range(2):
        instance = radiograph("covid19", seed=seed, patient_id=f"MRN-{seed}-SECRET", **planted)
        read(instance, "covid19")
    snapshot = made(scientist)
    assert snapshot.status == Status.COMPLETED
    ds = dcmread(BytesIO(phantom_dicom("covid19", seed=0, size=SIZE)))
    texts = {
        *planted.values(),
        *(word for value in planted.values() for word in value.replace("^", " ").split() if len(word) > 5),
        "SECRET",
        *NAME.split("^"),
        BIRTH_DATE,
        "1920-05-12",
        STUDY_DATE.isoformat(),
        STUDY_DATE.strftime("%Y%m%d"),
        str(ds.StudyInstanceUID),
        str(ds.SeriesInstanceUID),
        str(ds.SOPInstanceUID),
        "SYNTHETIC",
        "CXR-PHANTOM",
        "2.25.",
    }
    files = [path for path in snapshot_folder(snapshot).rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        data = path.read_bytes().lower() + path.as_posix().split("datasets/")[1].lower().encode()
        for text in texts:
            assert text.lower().encode() not in data, f"{text} in {path.name}"
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert (image.mode, image.info, len(image.getexif())) == ("L", {}, 0)
    assert not any(text in str(snapshot.report) for text in texts)


def test_without_consent_nothing_enters_and_a_withdrawal_counts_from_the_next_one(
    scientist: Actor, settings: Settings
) -> None:
    settings.RESEARCH_CONSENT_DEFAULT = False
    first, second, *others = some_read()
    assert "4 without consent" in made(scientist).error
    clinician = actor_of(Role.CLINICIAN)
    for instance in (first, second, *others[:1]):
        consent_record(
            patient=patient_of(instance),
            decision="granted",
            decided_on=STUDY_DATE,
            evidence="form",
            actor=clinician,
        )
    before = made(scientist)
    assert before.image_count == 3
    assert before.report["left_out"] == {"without consent": 1}
    patient = patient_of(first)
    consent_record(patient=patient, decision="withdrawn", decided_on=timezone.localdate(), actor=clinician)
    assert list(snapshots_with_patient(patient)) == [before]
    after = made(scientist)
    assert after.image_count == 2
    assert not after.images.filter(instance=first).exists()
    assert list(snapshots_with_patient(patient)) == [before]


def test_consent_for_this_house_does_not_reach_further(scientist: Actor) -> None:
    first, second, *_ = some_read()
    for instance, scope in ((first, "site"), (second, "shared")):
        consent_record(
            patient=patient_of(instance),
            decision="granted",
            scope=scope,
            decided_on=STUDY_DATE,
            evidence="form",
            actor=actor_of(Role.CLINICIAN),
        )
    shared = made(scientist, consent_scope="shared")
    assert [image.instance_id for image in shared.images.all()] == [second.pk]


@pytest.mark.parametrize(
    ("result", "days", "label"),
    [
        ("positive", 3, "covid19"),
        ("positive", 8, "normal"),
        ("negative", 3, "normal"),
        ("indeterminate", 0, "normal"),
    ],
)
def test_the_laboratory_outranks_the_reader_within_the_days(
    scientist: Actor, result: str, days: int, label: str
) -> None:
    instance = radiograph("normal", seed=1)
    read(instance, "normal")
    _report(instance, result, days=days)
    snapshot = made(scientist)
    image = snapshot.images.get()
    assert image.label == label
    assert (image.laboratory_result is not None) is (label == "covid19")
    assert snapshot.report["labelled_by"] == {"laboratory" if label == "covid19" else "reader": 1}


def test_a_finding_that_the_laboratory_rules_out_is_no_label(scientist: Actor) -> None:
    instance = radiograph("covid19", seed=1)
    read(instance, "covid19")
    _report(instance, "negative")
    snapshot = made(scientist)
    assert snapshot.status == Status.FAILED
    assert "1 read as a finding that the laboratory rules out" in snapshot.error


def test_a_laboratory_result_needs_no_reader(scientist: Actor) -> None:
    instance = radiograph("covid19", seed=1)
    classified(instance, "normal")
    _report(instance, "positive")
    assert made(scientist).images.get().label == "covid19"


def _report(instance: Instance, result: str, *, days: int = 0) -> None:
    laboratory_result_record(
        patient=patient_of(instance),
        test="rt_pcr",
        finding="covid19",
        result=result,
        specimen_date=STUDY_DATE + timedelta(days=days),
        actor=actor_of(Role.CLINICIAN),
    )


def test_images_that_say_they_are_annotated_or_are_stay_out(scientist: Actor) -> None:
    some_read(count=1)
    for seed, attribute in ((21, "BurnedInAnnotation"), (22, "RecognizableVisualFeatures")):
        read(radiograph("normal", seed=seed, **{attribute: "YES"}), "normal")
    lettered = Image.fromarray((phantom("normal", seed=23, size=(512, 512)) >> 4).astype(np.uint8))
    ImageDraw.Draw(lettered).text(
        (20, 30), "NIGHTINGALE 12.05.1920", fill=255, font=ImageFont.load_default(20)
    )
    pixels = (np.asarray(lettered, np.uint16) << 4).tobytes()
    lying = radiograph("normal", seed=23, Rows=512, Columns=512, PixelData=pixels, BurnedInAnnotation="NO")
    read(lying, "normal")
    snapshot = made(scientist)
    assert snapshot.image_count == 2
    assert snapshot.report["left_out"] == {
        "that say of themselves that they are annotated": 2,
        "with lettering in the pixels": 1,
    }
