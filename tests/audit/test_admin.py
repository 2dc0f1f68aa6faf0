"""The log in Django admin is read, searched and never touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_create
from apps.audit.models import AuditEvent
from apps.audit.services import event_record


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    """An administrator's browser."""
    user = user_create(email="admin@example.org", role=Role.ADMINISTRATOR, password="x", by="test")
    TOTP.activate(user, generate_totp_secret())
    client.force_login(user)
    return client


def test_it_is_listed_filtered_searched_and_read_only(auditor: Client) -> None:
    event = event_record(action="viewed", actor="kim@example.org", object_type="study", object_id="17")

    listing = auditor.get("/admin/audit/auditevent/?action=viewed&q=kim").text
    assert "kim@example.org" in listing
    address = f"/admin/audit/auditevent/{event.pk}/"
    page = auditor.get(f"{address}change/")
    assert page.status_code == 200
    assert '<input type="submit"' not in page.text
    assert auditor.post(f"{address}change/", {"actor": "x"}).status_code == 403
    assert auditor.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert auditor.get("/admin/audit/auditevent/add/").status_code == 403
    assert AuditEvent.objects.get(pk=event.pk).actor == "kim@example.org"


def test_what_administrators_change_is_recorded_without_values(
    auditor: Client, log: Callable[[int], None]
) -> None:
    form = {"email": "new@example.org", "role": "clinician", "first_password": "Correct-horse-9"}
    auditor.post("/admin/accounts/user/add/", form)

    event = AuditEvent.objects.get(action="admin_changed")
    assert (event.actor, event.actor_role, event.object_type) == (
        "admin@example.org",
        "administrator",
        "accounts.user",
    )
    assert event.detail == {"change": "added"}
