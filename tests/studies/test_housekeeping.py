"""Quiet studies, conflicts that are none, and another chance for what was quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pydicom.uid import JPEGLSLossless
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, NotPermittedError
from apps.studies.models import ConflictingObject, Instance, QuarantinedObject, Study
from apps.studies.services.completion import quiet_studies_complete
from apps.studies.services.conflicts import conflict_close, open_conflicts_compare
from apps.studies.services.quarantine import quarantined_reingest
from apps.studies.signals import study_completed
from tests.studies.conftest import Ingest
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import radiograph, radiograph_file

ADMINISTRATOR = Actor.system("administrator")
NOBODY = Actor(name="nobody", role=None, rights=frozenset())


@pytest.fixture
def completed() -> Iterator[list[int]]:
    """The studies that were said to be complete."""
    seen: list[int] = []

    def note(study: Study, **kwargs: object) -> None:
        seen.append(study.pk)

    study_completed.connect(note)
    yield seen
    study_completed.disconnect(note)


def test_a_quiet_study_is_completed_once_and_again_after_another_image(
    ingest: Ingest, completed: list[int], settings: Settings
) -> None:
    settings.STUDY_QUIET_SECONDS = 10
    ds = radiograph()
    ingest(part10(ds))
    study = Study.objects.get()
    assert quiet_studies_complete() == 0

    Study.objects.update(last_received_at=timezone.now() - timedelta(seconds=11))
    assert [quiet_studies_complete(), quiet_studies_complete()] == [1, 0]
    assert completed == [study.pk]

    ingest(
        radiograph_file(
            StudyInstanceUID=ds.StudyInstanceUID,
            SeriesInstanceUID=ds.SeriesInstanceUID,
            PatientID=ds.PatientID,
        )
    )
    study.refresh_from_db()
    assert study.completed_at is None
    assert Instance.objects.filter(series__study=study).count() == 2
    Study.objects.update(last_received_at=timezone.now() - timedelta(seconds=11))
    assert quiet_studies_complete() == 1
    assert completed == [study.pk, study.pk]


def test_the_same_image_in_another_transfer_syntax_is_no_conflict(ingest: Ingest) -> None:
    ds = radiograph()
    ingest(part10(ds))
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    recoded = part10(ds)
    assert ingest(recoded).outcome == "conflict"

    assert open_conflicts_compare() == 1

    conflict = ConflictingObject.objects.get()
    assert conflict.status == ConflictingObject.Status.EQUAL
    assert ingest(recoded).outcome == "known"
    assert open_conflicts_compare() == 0


@pytest.mark.parametrize(
    ("keyword", "value", "note"),
    [
        ("PatientName", "Other^Person", "Differs in PatientName."),
        ("PixelData", b"\0" * 96_000, "The pixels differ."),
    ],
)
def test_another_person_or_picture_stays_open_with_a_note(
    ingest: Ingest, keyword: str, value: object, note: str
) -> None:
    ds = radiograph()
    ingest(part10(ds))
    setattr(ds, keyword, value)
    ingest(part10(ds))

    assert open_conflicts_compare() == 0

    conflict = ConflictingObject.objects.get()
    assert (conflict.status, conflict.note) == (ConflictingObject.Status.OPEN, note)
    with pytest.raises(NotPermittedError):
        conflict_close(conflict=conflict, actor=NOBODY)
    conflict_close(conflict=conflict, actor=ADMINISTRATOR)
    conflict.refresh_from_db()
    assert conflict.status == ConflictingObject.Status.RESOLVED
    with pytest.raises(ConflictError):
        conflict_close(conflict=conflict, actor=ADMINISTRATOR)
    assert AuditEvent.objects.filter(action="conflict_closed").count() == 1


def test_a_quarantined_object_enters_once_its_obstacle_is_gone(ingest: Ingest) -> None:
    first = radiograph()
    ingest(part10(first))
    ingest(radiograph_file(StudyInstanceUID=first.StudyInstanceUID))
    quarantined = QuarantinedObject.objects.get()

    with pytest.raises(NotPermittedError):
        quarantined_reingest(quarantined=quarantined, actor=NOBODY)
    assert quarantined_reingest(quarantined=quarantined, actor=ADMINISTRATOR).outcome == "quarantined"
    assert QuarantinedObject.objects.count() == 1

    Study.objects.update(study_instance_uid="1.2.3.4")
    assert quarantined_reingest(quarantined=quarantined, actor=ADMINISTRATOR).outcome == "stored"
    assert not QuarantinedObject.objects.exists()
    with pytest.raises(ConflictError):
        quarantined_reingest(quarantined=quarantined, actor=ADMINISTRATOR)
