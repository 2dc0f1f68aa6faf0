"""The one transaction that makes an object known: its rows, its queued work, its audit event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.audit.services import event_record
from apps.studies.header import UnreadableObjectError
from apps.studies.models import (
    ConflictingObject,
    Instance,
    Patient,
    QuarantinedObject,
    Received,
    Series,
    Study,
)
from apps.studies.objects import object_delete, object_put
from apps.studies.services.description import ObjectDescription
from apps.studies.services.errors import StorageUnavailableError
from apps.studies.services.spool import SpooledObject
from apps.studies.signals import instance_ingested

_ATTEMPTS = 5
"""Two senders of the same object or study meet: the loser looks again and finds the winner's rows."""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of an object; `code` and `detail` say why, unless it was stored or known."""

    outcome: Literal["stored", "known", "conflict", "quarantined"]
    instance: Instance | None
    code: str = ""
    detail: str = ""


def object_register(spooled: SpooledObject, description: ObjectDescription) -> IngestResult:
    """Store the object and commit its rows; the same UID and digest again is `known`.

    Raises `UnreadableObjectError` when its study belongs to another patient, or its series to another
    study; `StorageUnavailableError`; and Django's `DatabaseError`, with nothing committed.
    """
    if known := _find_known(description):
        return known
    _store(spooled)
    result = _commit(spooled, description, attempts=_ATTEMPTS)
    if result.outcome == "known":
        _drop_unused(spooled)
    return result


def _commit(spooled: SpooledObject, description: ObjectDescription, *, attempts: int) -> IngestResult:
    try:
        with transaction.atomic():
            return _find_known(description) or _insert(spooled, description)
    except IntegrityError:
        if attempts == 1:
            raise
        return _commit(spooled, description, attempts=attempts - 1)


def object_quarantine(spooled: SpooledObject, *, code: str, detail: str) -> None:
    """Keep an object that may not become an instance; the same bytes are kept once."""
    _store(spooled)
    with transaction.atomic():
        quarantined, created = QuarantinedObject.objects.get_or_create(
            file_sha256=spooled.file_sha256,
            defaults={
                **_received(spooled, spooled.file_sha256),
                "code": code,
                "detail": detail[:200],
            },
        )
        if created:
            _record(spooled, "quarantined", quarantined, {"code": code})
    if quarantined.storage_key != spooled.storage_key:
        _drop_unused(spooled)


def _find_known(description: ObjectDescription) -> IngestResult | None:
    instance = Instance.objects.filter(sop_instance_uid=description.sop_instance_uid).first()
    if instance is None:
        return None
    if instance.sha256 == description.sha256:
        return IngestResult("known", instance)
    conflict = instance.conflicts.filter(sha256=description.sha256).first()
    if conflict is None:
        return None
    if conflict.status == ConflictingObject.Status.EQUAL:
        return IngestResult("known", instance)
    return _conflict(instance)


def _conflict(instance: Instance) -> IngestResult:
    return IngestResult(
        "conflict", instance, "conflict", "Other bytes are held under this SOP Instance UID; kept aside."
    )


def _insert(spooled: SpooledObject, description: ObjectDescription) -> IngestResult:
    instance = Instance.objects.filter(sop_instance_uid=description.sop_instance_uid).first()
    received = _received(spooled, description.sha256)
    if instance is not None and instance.sha256 == description.sha256:
        return IngestResult("known", instance)  # another sender's commit came between our two looks
    if instance is not None:
        conflict = ConflictingObject.objects.create(
            instance=instance, transfer_syntax_uid=description.transfer_syntax_uid, **received
        )
        _record(spooled, "conflict", conflict, {"instance": instance.pk})
        return _conflict(instance)
    study = _study(description)
    instance = Instance.objects.create(
        series=_series(description, study),
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid,
        transfer_syntax_uid=description.transfer_syntax_uid,
        file_format=description.file_format,
        instance_number=description.instance_number,
        view_position=description.view_position,
        rows=description.rows,
        columns=description.columns,
        **received,
    )
    Study.objects.filter(pk=study.pk).update(last_received_at=Now(), completed_at=None)
    _record(
        spooled, "received" if spooled.provenance.door == Received.Door.DICOM else "uploaded", instance, {}
    )
    instance_ingested.send(sender=Instance, instance=instance)
    return IngestResult("stored", instance)


def _study(description: ObjectDescription) -> Study:
    patient, _ = Patient.objects.get_or_create(
        patient_id=description.patient_id,
        issuer_of_patient_id=description.issuer_of_patient_id,
        defaults={
            "patient_name": description.patient_name,
            "patient_birth_date": description.patient_birth_date,
            "patient_sex": description.patient_sex,
        },
    )
    study, _ = Study.objects.get_or_create(
        study_instance_uid=description.study_instance_uid,
        defaults={
            "patient": patient,
            "accession_number": description.accession_number,
            "study_date": description.study_date,
            "study_time": description.study_time,
            "study_description": description.study_description,
            "institution_name": description.institution_name,
        },
    )
    if study.patient_id != patient.pk:
        # Showing one person's image under another's name is the worst that intake can do.
        raise UnreadableObjectError("Its study is held for another patient.", "patient_mismatch")
    return study


def _series(description: ObjectDescription, study: Study) -> Series:
    series, _ = Series.objects.get_or_create(
        series_instance_uid=description.series_instance_uid,
        defaults={
            "study": study,
            "modality": description.modality,
            "body_part_examined": description.body_part_examined,
            "station_name": description.station_name,
        },
    )
    if series.study_id != study.pk:
        raise UnreadableObjectError("Its series is held in another study.", "series_mismatch")
    return series


def _received(spooled: SpooledObject, sha256: str) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "file_sha256": spooled.file_sha256,
        "size": spooled.size,
        "storage_key": spooled.storage_key,
        "door": spooled.provenance.door,
        "sender": spooled.provenance.sender,
    }


def _record(spooled: SpooledObject, action: str, row: Received, detail: dict[str, Any]) -> None:
    event_record(
        action=action,
        actor=spooled.provenance.actor,
        source=spooled.provenance.address,
        object_type=type(row).__name__,
        object_id=str(row.pk),
        outcome="success" if isinstance(row, Instance) else "failure",
        detail={"door": str(spooled.provenance.door), **detail},
    )


def _store(spooled: SpooledObject) -> None:
    try:
        object_put(spooled.path, key=spooled.storage_key)
    except Exception as error:  # every cloud's client has errors of its own
        raise StorageUnavailableError(
            "The object storage did not take the object: it will be registered later."
        ) from error


def _drop_unused(spooled: SpooledObject) -> None:
    """Delete our copy of an object that is held already, unless a row means this very copy."""
    key = spooled.storage_key
    tables: tuple[type[Received], ...] = (Instance, ConflictingObject, QuarantinedObject)
    if not any(table._default_manager.filter(storage_key=key).exists() for table in tables):
        object_delete(key)
