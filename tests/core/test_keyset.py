"""Pages by position."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from apps.core.keyset import InvalidCursorError, keyset_page
from apps.diagnosis.models import WorklistEntry
from apps.studies.models import Patient, Study

FIELDS = ("triage", "received_at", "id")
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def entries(db: None) -> list[int]:
    patient = Patient.objects.create(patient_id="1")
    for number in range(23):
        study = Study.objects.create(study_instance_uid=f"1.2.{number}", patient=patient)
        # Equal triage and equal times, so that only the id tells some rows apart.
        WorklistEntry.objects.create(
            study=study, triage=1 + number % 3, received_at=START + timedelta(seconds=number // 6)
        )
    return list(WorklistEntry.objects.order_by(*FIELDS).values_list("id", flat=True))


@pytest.mark.parametrize("descending", [False, True])
def test_pages_cover_every_row_once_in_both_directions(entries: list[int], descending: bool) -> None:
    expected = entries[::-1] if descending else entries
    everything = WorklistEntry.objects.all()
    forwards: list[list[int]] = []
    cursor = None
    while True:
        page = keyset_page(everything, fields=FIELDS, descending=descending, cursor=cursor, size=5)
        forwards.append([row.pk for row in page.items])
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert list(chain.from_iterable(forwards)) == expected
    backwards = [forwards[-1]]
    while page.previous_cursor is not None:
        cursor = page.previous_cursor
        page = keyset_page(everything, fields=FIELDS, descending=descending, cursor=cursor, size=5)
        backwards.insert(0, [row.pk for row in page.items])
    assert backwards == forwards


def test_a_row_that_arrives_does_not_shift_the_next_page(entries: list[int]) -> None:
    first = keyset_page(WorklistEntry.objects.all(), fields=FIELDS, size=5)
    study = Study.objects.create(study_instance_uid="1.3", patient=Patient.objects.get())
    WorklistEntry.objects.create(study=study, triage=1, received_at=START - timedelta(days=1))
    second = keyset_page(WorklistEntry.objects.all(), fields=FIELDS, size=5, cursor=first.next_cursor)
    assert [row.pk for row in second.items] == entries[5:10]


FOREIGN = ["x", "é", "W10", "WzAsIngiLCJ5IiwieiJd", "WzAsMSwyLDNd", "bnVsbA", "e30", "MQ"]


@pytest.mark.parametrize("cursor", FOREIGN)
def test_a_cursor_that_we_did_not_make_is_refused(entries: list[int], cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        keyset_page(WorklistEntry.objects.all(), fields=FIELDS, cursor=cursor)
