"""Who gets in where: every page by every role, and emergency access."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Finding
from apps.studies.models import Study
from ml.contracts import Finding as Label
from tests.portal.conftest import ClientOf, StudyMaker, diagnosis_of, instance_of

READERS = {Role.CLINICIAN, Role.RADIOLOGIST, Role.INTEGRATOR}
SENDERS = READERS | {Role.TECHNICIAN}
EVERYBODY = set(Role)

PAGES = {
    "portal:worklist": SENDERS,
    "portal:upload": SENDERS,
    "portal:upload_progress": SENDERS,
    "portal:learning": READERS,
    "portal:snapshots": {Role.DATA_SCIENTIST},
    "portal:snapshot_start": {Role.DATA_SCIENTIST},
    "portal:models": {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR},
    "portal:compare": {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR},
    "portal:training": {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR},
    "portal:training_start": {Role.DATA_SCIENTIST},
    "portal:watching": {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR},
    "portal:break_glass": {Role.ADMINISTRATOR},
    "portal:account": EVERYBODY,
    "portal:help": EVERYBODY,
    "portal:about": EVERYBODY,
}
OBJECTS = {
    "reading": SENDERS,
    "state": SENDERS,
    "picture": SENDERS,
    "original": SENDERS,
    "saliency": READERS,
    "lungs": READERS,
    "patient_records": READERS,
}


def addresses_of(study: Study) -> dict[str, str]:
    """Return the addresses of a study's pages and pictures."""
    diagnosis, instance = diagnosis_of(study), instance_of(study)
    finding = Finding.objects.filter(diagnosis=diagnosis).first()
    assert finding is not None
    keys = {
        "reading": study.pk,
        "state": study.pk,
        "picture": instance.pk,
        "original": instance.pk,
        "saliency": finding.pk,
        "lungs": diagnosis.pk,
        "patient_records": study.patient_id,
    }
    return {name: reverse(f"portal:{name}", args=[key]) for name, key in keys.items()}


@pytest.mark.parametrize("role", Role)
def test_every_page_by_every_role(role: Role, client_of: ClientOf) -> None:
    client = client_of(role)
    got = {page: client.get(reverse(page)).status_code for page in PAGES}
    assert got == {page: 200 if role in roles else 403 for page, roles in PAGES.items()}


@pytest.mark.parametrize("role", Role)
def test_every_object_by_every_role(role: Role, client_of: ClientOf, make_study: StudyMaker) -> None:
    client = client_of(role)
    addresses = addresses_of(make_study(label=Label.COVID19))
    got = {}
    for name, address in addresses.items():
        answer = client.get(address)
        got[name] = answer.status_code
        answer.close()
    inside = {name: 204 if name == "state" else 200 for name in OBJECTS}
    assert got == {name: inside[name] if role in roles else 404 for name, roles in OBJECTS.items()}


@pytest.mark.parametrize("role", sorted(EVERYBODY - READERS))
def test_only_readers_review(role: Role, client_of: ClientOf, make_study: StudyMaker) -> None:
    study = make_study(label=Label.COVID19)
    answer = client_of(role).post(
        reverse("portal:review", args=[diagnosis_of(study).pk]), {"verdict": "agree"}
    )
    assert answer.status_code == 404
    assert not diagnosis_of(study).reviews.exists()


def test_a_visitor_is_sent_to_sign_in_and_may_read_the_help(make_study: StudyMaker, client: Client) -> None:
    study = make_study(label=Label.COVID19)
    for address in (*addresses_of(study).values(), reverse("portal:worklist"), reverse("portal:home")):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    for name in ("help", "about"):
        assert client.get(reverse(f"portal:{name}")).status_code == 200


@pytest.mark.parametrize(
    ("role", "page"),
    [
        (Role.CLINICIAN, "worklist"),
        (Role.TECHNICIAN, "worklist"),
        (Role.DATA_SCIENTIST, "models"),
        (Role.ADMINISTRATOR, "models"),
    ],
)
def test_the_start_page_leads_to_ones_work(role: Role, page: str, client_of: ClientOf) -> None:
    answer = client_of(role).get(reverse("portal:home"))
    assert answer.status_code == 302
    assert answer["Location"] == reverse(f"portal:{page}")


def test_a_technician_reads_no_result(client_of: ClientOf, make_study: StudyMaker) -> None:
    page = client_of(Role.TECHNICIAN).get(addresses_of(make_study(label=Label.COVID19))["reading"])
    text = page.content.decode()
    assert "your role shows the state of a study only" in text
    for word in ("COVID", "Urgent", "Agree", "data-saliency", "cxr:1"):
        assert word not in text, word


def test_emergency_access_needs_a_reason_and_ends_by_itself(
    client_of: ClientOf, make_study: StudyMaker
) -> None:
    administrator = client_of(Role.ADMINISTRATOR)
    addresses = addresses_of(make_study(label=Label.COVID19))
    door = reverse("portal:break_glass")

    page = administrator.post(door, {"reason": "because"})
    assert "at least 10 characters" in page.content.decode()
    assert administrator.get(addresses["picture"]).status_code == 404

    administrator.post(door, {"reason": "The PACS is down and the ward asks for this image."})
    event = AuditEvent.objects.get(action="break_glass")
    assert event.actor == "administrator@example.org"
    assert event.detail["reason"].startswith("The PACS is down")
    assert administrator.get(addresses["picture"]).status_code == 200
    assert AuditEvent.objects.filter(action="viewed", actor="administrator@example.org").count() == 1
    page = administrator.get(addresses["reading"])
    assert page.status_code == 200
    assert "COVID" not in page.content.decode()
    assert administrator.get(addresses["saliency"]).status_code == 404

    session = administrator.session
    session["break_glass_until"] = (timezone.now() - timedelta(seconds=1)).isoformat()
    session.save()
    assert administrator.get(addresses["picture"]).status_code == 404


def test_emergency_access_can_be_ended(client_of: ClientOf, make_study: StudyMaker) -> None:
    administrator = client_of(Role.ADMINISTRATOR)
    picture = addresses_of(make_study(label=Label.COVID19))["picture"]
    administrator.post(reverse("portal:break_glass"), {"reason": "A good reason to look."})
    assert administrator.get(picture).status_code == 200
    administrator.post(reverse("portal:mend_glass"))
    assert administrator.get(picture).status_code == 404
    assert AuditEvent.objects.filter(action="break_glass_ended").exists()


def test_nobody_else_can_break_the_glass(client_of: ClientOf) -> None:
    client = client_of(Role.DATA_SCIENTIST)
    session = client.session
    session["break_glass_until"] = (timezone.now() + timedelta(hours=1)).isoformat()
    session.save()
    assert client.get(reverse("portal:worklist")).status_code == 403
