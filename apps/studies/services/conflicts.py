"""Other bytes under a known UID: the same image in another dress, or something a person must see."""

from __future__ import annotations

import logging

from django.db import transaction

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError
from apps.studies.decoding.pool import DecodePool, decode_pool
from apps.studies.header import UnreadableObjectError, read_dicom_header
from apps.studies.models import ConflictingObject, Instance
from apps.studies.objects import object_as_path
from ml.contracts import RejectedInputError

logger = logging.getLogger(__name__)

_IDENTITY = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "Rows",
    "Columns",
)
"""What makes two objects the image of the same person in the same examination."""


def open_conflicts_compare(*, limit: int = 20) -> int:
    """Compare conflicts that nobody has looked at yet; return how many were closed as equal.

    A PACS may send an image again in another transfer syntax, or with a private element changed: that is
    no conflict when identity and decoded pixels are the same. Anything else stays open, with a note.
    """
    waiting = ConflictingObject.objects.filter(status=ConflictingObject.Status.OPEN, note="")
    closed = 0
    for conflict in waiting.select_related("instance").order_by("pk")[:limit]:
        difference = _difference(conflict, decode_pool())
        status = ConflictingObject.Status.OPEN if difference else ConflictingObject.Status.EQUAL
        note = difference or "Identity and pixels are the same."
        with transaction.atomic():
            if waiting.filter(pk=conflict.pk).update(status=status, note=note):
                event_record(
                    action="conflict_compared",
                    actor="worker",
                    object_type="ConflictingObject",
                    object_id=str(conflict.pk),
                    detail={"status": str(status)},
                )
                closed += status == ConflictingObject.Status.EQUAL
    return closed


def conflict_close(*, conflict: ConflictingObject, actor: Actor) -> None:
    """Close a conflict that a person has looked at; the first object stays the instance, both are kept.

    Raises `NotPermittedError`, and `ConflictError` when it is closed already.
    """
    actor.require(Right.CONFIGURE)
    with transaction.atomic():
        row = ConflictingObject.objects.filter(pk=conflict.pk, status=ConflictingObject.Status.OPEN)
        if not row.update(status=ConflictingObject.Status.RESOLVED):
            raise ConflictError("This conflict is closed already.")
        event_record(
            action="conflict_closed",
            actor=actor.name,
            actor_role=actor.role or "",
            source=actor.source,
            object_type="ConflictingObject",
            object_id=str(conflict.pk),
        )


def _difference(conflict: ConflictingObject, pool: DecodePool) -> str:
    """Say in what two objects differ, without any of their values; '' when they are the same image."""
    try:
        with (
            object_as_path(conflict.instance.storage_key) as kept,
            object_as_path(conflict.storage_key) as other,
        ):
            if conflict.instance.file_format != Instance.FileFormat.DICOM:
                return "The first object is no DICOM object."
            with kept.open("rb") as first, other.open("rb") as second:
                headers = [
                    read_dicom_header(first, size=kept.stat().st_size),
                    read_dicom_header(second, size=other.stat().st_size),
                ]
            first_text, second_text = ([header.text(word, 324) for word in _IDENTITY] for header in headers)
            different = [
                word for word, a, b in zip(_IDENTITY, first_text, second_text, strict=True) if a != b
            ]
            if different:
                return f"Differs in {', '.join(different)}."
            if pool.pixel_digest(kept) != pool.pixel_digest(other):
                return "The pixels differ."
    except RejectedInputError:
        return "The pixels of one of the two cannot be decoded."
    except (FileNotFoundError, UnreadableObjectError):
        return "One of the two stored objects is gone or damaged."
    return ""
