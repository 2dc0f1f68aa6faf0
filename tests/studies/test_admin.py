"""Intake in Django admin: nobody's identity, nothing to edit, safe actions."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.studies.models import ConflictingObject, Instance, QuarantinedObject, Study
from tests.studies.conftest import Ingest
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import radiograph, radiograph_file

TABLES = ["patient", "study", "series", "instance", "conflictingobject", "quarantinedobject"]


@pytest.fixture
def administrator(db: None, client: Client, settings: Settings) -> Client:
    """A signed-in administrator."""
    settings.MFA_REQUIRED = False
    roles_sync()
    client.force_login(
        user_create(email="admin@example.org", role=Role.ADMINISTRATOR, password="p4ss-Word-1", by="test")
    )
    return client


@pytest.fixture
def received(ingest: Ingest) -> None:
    """An instance, a conflict with it, and something in quarantine."""
    ds = radiograph(PatientID="SECRET-4711", PatientName="Secret^Name", AccessionNumber="SECRET-ACC")
    ingest(part10(ds))
    ds.PatientComments = "changed"
    ingest(part10(ds))
    ingest(radiograph_file(StudyInstanceUID=ds.StudyInstanceUID))


@pytest.mark.parametrize("table", TABLES)
def test_administrators_see_rows_without_identities(
    administrator: Client, received: None, table: str
) -> None:
    listing = administrator.get(reverse(f"admin:studies_{table}_changelist"))
    assert listing.status_code == 200
    (row,) = listing.context["cl"].result_list
    page = administrator.get(reverse(f"admin:studies_{table}_change", args=[row.pk]))
    assert page.status_code == 200
    for answer in (listing, page):
        assert "SECRET-" not in answer.content.decode()
        assert "Secret^" not in answer.content.decode()
    assert administrator.get(reverse(f"admin:studies_{table}_add")).status_code == 403
    assert administrator.post(reverse(f"admin:studies_{table}_delete", args=[row.pk])).status_code == 403


def test_a_conflict_is_closed_by_an_action(administrator: Client, received: None) -> None:
    conflict = ConflictingObject.objects.get()
    action = {"action": "close", "_selected_action": [conflict.pk]}

    answer = administrator.post(reverse("admin:studies_conflictingobject_changelist"), action, follow=True)

    conflict.refresh_from_db()
    assert conflict.status == ConflictingObject.Status.RESOLVED
    assert "1 closed." in answer.content.decode()


def test_a_quarantined_object_is_taken_in_again_by_an_action(administrator: Client, received: None) -> None:
    Study.objects.update(study_instance_uid="1.2.3.4")
    action = {"action": "reingest", "_selected_action": [QuarantinedObject.objects.get().pk]}

    answer = administrator.post(reverse("admin:studies_quarantinedobject_changelist"), action, follow=True)

    assert "stored." in answer.content.decode()
    assert Instance.objects.count() == 2
    assert not QuarantinedObject.objects.exists()
