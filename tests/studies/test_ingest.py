"""The one way in: what is kept, what is known, what is set aside, and what survives a failure."""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from PIL import Image
from pydicom import dcmread
from pytest_django import Settings

from apps.audit.models import AuditEvent
from apps.core.errors import RetriableError
from apps.studies.models import ConflictingObject, Instance, Patient, QuarantinedObject, Received, Study
from apps.studies.objects import object_open, object_sha256
from apps.studies.services.errors import DatabaseUnavailableError, ObjectTooLargeError, StorageFullError
from apps.studies.services.sweeping import spool_sweep
from apps.studies.signals import instance_ingested
from tests.studies.conftest import Ingest, files_under
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import (
    COMPUTED_RADIOGRAPHY,
    HOSTILE_TEXT,
    bare_dataset,
    deep_sequences,
    radiograph,
    radiograph_file,
)


def picture_file(kind: str = "png", shade: int = 128) -> bytes:
    stream = BytesIO()
    Image.new("L", (64, 48), shade).save(stream, kind)
    return stream.getvalue()


def test_a_dicom_file_becomes_an_instance_with_its_bytes_unchanged(ingest: Ingest, data_dir: Path) -> None:
    ds = radiograph(PatientName="Doe^Jane", PatientBirthDate="19700203", PatientSex="F")
    data = part10(ds)

    result = ingest(data)

    assert (result.outcome, result.code) == ("stored", "")
    instance = Instance.objects.select_related("series__study__patient").get()
    assert instance == result.instance
    with object_open(instance.storage_key) as file:
        assert file.read() == data
    assert instance.file_sha256 == hashlib.sha256(data).hexdigest() == object_sha256(instance.storage_key)
    assert instance.size == len(data)
    assert (instance.rows, instance.columns, instance.view_position) == (240, 200, "PA")
    study, patient = instance.series.study, instance.series.study.patient
    assert study.study_instance_uid == ds.StudyInstanceUID
    assert (study.accession_number, str(study.study_date), str(study.study_time)) == (
        "A-1",
        "2026-01-02",
        "13:14:15",
    )
    assert (patient.patient_id, patient.patient_name, patient.patient_sex) == (ds.PatientID, "Doe^Jane", "F")
    assert str(patient.patient_birth_date) == "1970-02-03"
    assert files_under(data_dir / "spool") == []
    assert ds.SOPInstanceUID not in instance.storage_key


def test_the_digest_is_that_of_the_dataset_whichever_door_it_came_through(ingest: Ingest) -> None:
    ds = radiograph(SOPClassUID=COMPUTED_RADIOGRAPHY)
    dataset = bare_dataset(ds)

    by_wire = ingest(
        BytesIO(dataset),
        door=Received.Door.DICOM,
        command_sop_instance_uid=ds.SOPInstanceUID,
        command_sop_class_uid=COMPUTED_RADIOGRAPHY,
        transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
    )
    by_file = ingest(part10(ds))

    assert (by_wire.outcome, by_file.outcome) == ("stored", "known")
    assert by_wire.instance is not None
    assert by_wire.instance.sha256 == hashlib.sha256(dataset).hexdigest()
    with object_open(by_wire.instance.storage_key) as file:
        stored = file.read()
        assert stored.endswith(dataset)
        meta = dcmread(BytesIO(stored), stop_before_pixels=True).file_meta
    assert meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert meta.FileMetaInformationGroupLength == len(stored) - len(dataset) - 144


def test_sending_again_changes_nothing(ingest: Ingest, data_dir: Path) -> None:
    data = radiograph_file()
    first = ingest(data)
    objects, events = files_under(data_dir / "objects"), AuditEvent.objects.count()

    again = ingest(data)

    assert (again.outcome, again.instance) == ("known", first.instance)
    assert Instance.objects.count() == 1
    assert files_under(data_dir / "objects") == objects
    assert AuditEvent.objects.count() == events


def test_other_bytes_under_the_same_uid_are_kept_aside_once(ingest: Ingest) -> None:
    ds = radiograph()
    first = ingest(part10(ds))
    ds.PatientComments = "changed"
    changed = part10(ds)

    results = [ingest(changed), ingest(changed)]

    assert [(result.outcome, result.instance) for result in results] == [("conflict", first.instance)] * 2
    conflict = ConflictingObject.objects.get()
    assert conflict.status == ConflictingObject.Status.OPEN
    with object_open(conflict.storage_key) as file:
        assert file.read() == changed
    assert AuditEvent.objects.filter(action="conflict", outcome="failure").count() == 1


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_picture_becomes_a_study_of_its_own(ingest: Ingest, kind: str) -> None:
    data = picture_file(kind)

    result, again = ingest(data, file_name="chest.png"), ingest(data)
    other = ingest(picture_file(kind, shade=90))

    assert (result.outcome, again.outcome, other.outcome) == ("stored", "known", "stored")
    instance = result.instance
    assert instance is not None
    assert instance.sop_instance_uid.startswith("2.25.")
    assert instance.sha256 == instance.file_sha256 == hashlib.sha256(data).hexdigest()
    assert (instance.file_format, instance.rows, instance.columns) == (kind, 48, 64)
    assert Patient.objects.count() == Study.objects.count() == 2


def test_patients_without_an_id_are_not_taken_for_one(ingest: Ingest) -> None:
    ingest(radiograph_file(PatientID=""))
    ingest(radiograph_file(PatientID=""))

    assert Patient.objects.count() == 2


def test_the_same_patient_is_recognised_by_id_and_issuer(ingest: Ingest) -> None:
    ingest(radiograph_file(PatientID="17"))
    ingest(radiograph_file(PatientID="17"))
    ingest(radiograph_file(PatientID="17", IssuerOfPatientID="ELSEWHERE"))

    assert Patient.objects.count() == 2
    assert Study.objects.count() == 3


def test_an_image_of_another_patient_does_not_enter_a_study(ingest: Ingest) -> None:
    first = radiograph()
    ingest(part10(first))

    result = ingest(radiograph_file(StudyInstanceUID=first.StudyInstanceUID))

    assert (result.outcome, result.code) == ("quarantined", "patient_mismatch")
    assert Instance.objects.count() == Patient.objects.count() == 1
    assert QuarantinedObject.objects.get().code == "patient_mismatch"


def test_a_series_stays_in_its_study(ingest: Ingest) -> None:
    first = radiograph()
    ingest(part10(first))

    result = ingest(radiograph_file(SeriesInstanceUID=first.SeriesInstanceUID, PatientID=first.PatientID))

    assert (result.outcome, result.code) == ("quarantined", "series_mismatch")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "unreadable"),
        (os.urandom(5000), "unreadable"),
        (b"<html><script>alert(1)</script></html>" * 20, "unreadable"),
        (radiograph_file()[:-1000], "unreadable"),
        (radiograph_file()[:300], "unreadable"),
        (b"\0" * 128 + b"DICM" + deep_sequences(5000), "unreadable"),
        (radiograph_file(SOPInstanceUID="../../../etc/passwd"), "invalid_uid"),
        (radiograph_file(StudyInstanceUID="1.2.3\n4"), "invalid_uid"),
        (radiograph_file(SeriesInstanceUID=""), "missing_uid"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "unreadable"),
    ],
)
def test_what_cannot_become_an_instance_is_quarantined_once(ingest: Ingest, data: bytes, code: str) -> None:
    results = [ingest(data), ingest(data)]

    assert [(result.outcome, result.code) for result in results] == [("quarantined", code)] * 2
    quarantined = QuarantinedObject.objects.get()
    with object_open(quarantined.storage_key) as file:
        assert file.read() == data
    assert not Instance.objects.exists()


def test_command_and_dataset_must_agree(ingest: Ingest) -> None:
    ds = radiograph()

    result = ingest(
        bare_dataset(ds),
        door=Received.Door.DICOM,
        command_sop_instance_uid="1.2.3",
        command_sop_class_uid=str(ds.SOPClassUID),
        transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
    )

    assert (result.outcome, result.code) == ("quarantined", "uid_mismatch")


def test_hostile_text_fits_every_column(ingest: Ingest) -> None:
    keywords = [
        "PatientName",
        "PatientID",
        "AccessionNumber",
        "StudyDescription",
        "InstitutionName",
        "StationName",
    ]

    result = ingest(radiograph_file(**dict.fromkeys(keywords, HOSTILE_TEXT)), file_name=HOSTILE_TEXT)

    assert result.outcome == "stored"
    Instance.objects.get().full_clean(exclude=["preview_key"])
    study = Study.objects.select_related("patient").get()
    study.full_clean(exclude=["completed_at"])
    assert not set(study.patient.patient_name + study.study_description) & set("\u202e\u2066\x1b\r\n")


def test_receivers_act_in_the_transaction_that_made_the_row(ingest: Ingest, data_dir: Path) -> None:
    def refuse(instance: Instance, **kwargs: object) -> None:
        raise LookupError("no room")

    instance_ingested.connect(refuse)
    try:
        with pytest.raises(LookupError):
            ingest(radiograph_file())
    finally:
        instance_ingested.disconnect(refuse)

    assert not Instance.objects.exists()
    assert not AuditEvent.objects.exists()
    assert len(list((data_dir / "spool").glob("*.object"))) == 1


def test_the_object_waits_in_the_spool_while_the_database_is_away(
    ingest: Ingest, data_dir: Path, settings: Settings
) -> None:
    data = radiograph_file()

    def fail(*arguments: object) -> None:
        raise OperationalError("the database is away")

    with connection.execute_wrapper(fail), pytest.raises(DatabaseUnavailableError):
        ingest(data, door=Received.Door.DICOM, sender="MODALITY")
    (waiting,) = (data_dir / "spool").glob("*.object")
    assert waiting.read_bytes() == data
    assert spool_sweep() == 0, "somebody may still be working on so young a file"
    for path in files_under(data_dir / "spool"):
        os.utime(path, (0, 0))
    with connection.execute_wrapper(fail):
        assert spool_sweep() == 0

    assert spool_sweep() == 1

    instance = Instance.objects.get()
    assert (instance.door, instance.sender) == ("dicom", "MODALITY")
    assert object_sha256(instance.storage_key) == hashlib.sha256(data).hexdigest()
    assert files_under(data_dir / "spool") == []
    assert len(files_under(data_dir / "objects")) == 1


def test_what_never_arrived_whole_is_swept_away(data_dir: Path, db: None) -> None:
    spool = data_dir / "spool"
    spool.mkdir()
    for name in ("a.part", "a.json", "b.json"):
        (spool / name).write_bytes(b"x")
        os.utime(spool / name, (0, 0))

    assert spool_sweep() == 0

    assert files_under(spool) == []


def test_a_full_disk_is_told_before_anything_is_written(
    ingest: Ingest, data_dir: Path, settings: Settings
) -> None:
    settings.SPOOL_RESERVE_BYTES = 1 << 60

    with pytest.raises(StorageFullError) as caught:
        ingest(radiograph_file())

    assert isinstance(caught.value, RetriableError)
    assert files_under(data_dir) == []


def test_too_large_an_object_leaves_nothing(ingest: Ingest, data_dir: Path, settings: Settings) -> None:
    settings.MAX_OBJECT_BYTES = 10_000

    with pytest.raises(ObjectTooLargeError):
        ingest(radiograph_file())

    assert files_under(data_dir) == []


def test_a_known_object_costs_one_query(ingest: Ingest) -> None:
    data = radiograph_file()
    ingest(data)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        ingest(data)

    assert len(queries) == 1
