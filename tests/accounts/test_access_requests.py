"""From a stranger's request to the first sign-in."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from apps.accounts.access import Actor
from apps.accounts.models import AccessRequest, User
from apps.accounts.roles import Role
from apps.accounts.services import access_request_approve, access_request_decline
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, NotPermittedError
from tests.accounts.conftest import PASSWORD

FORM = {
    "first_name": "Ada",
    "last_name": "Okafor",
    "email": "Ada.Okafor@Example.org",
    "wanted_role": "radiologist",
    "reason": "I read the night's radiographs.",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture
def access_request(client: Client, administrator: User) -> AccessRequest:
    """What Ada's form leaves behind."""
    client.post("/accounts/signup/", FORM)
    return AccessRequest.objects.get()


def test_a_request_is_approved_in_admin_and_opens_the_account(
    client: Client,
    administration: Client,
    administrator: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert client.get("/accounts/signup/").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/accounts/signup/", FORM, follow=True)
    assert answer.redirect_chain == [("/accounts/inactive/", 302)]
    assert "An administrator will look at this" in answer.text
    user = User.objects.get(email="ada.okafor@example.org")
    assert (user.is_active, user.role, user.get_full_name()) == (False, None, "Ada Okafor")
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    assert "asks for access as radiologist" in mail.outbox[0].body

    credentials = {"login": user.email, "password": PASSWORD}
    assert client.post("/accounts/login/", credentials).headers["Location"] == "/accounts/inactive/"
    assert "_auth_user_id" not in client.session

    page = administration.get("/admin/accounts/accessrequest/")
    assert "Ada Okafor" in page.text
    with django_capture_on_commit_callbacks(execute=True):
        chosen = {"action": "approve_as_clinician", "_selected_action": [user.access_request.pk]}
        answer = administration.post("/admin/accounts/accessrequest/", chosen, follow=True)
    assert "Approved: ada.okafor@example.org." in answer.text
    assert mail.outbox[-1].to == [user.email]
    assert "sign in as clinician" in mail.outbox[-1].body

    assert client.post("/accounts/login/", credentials).headers["Location"] == "/"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert User.objects.get(pk=user.pk).role is Role.CLINICIAN
    approval = AuditEvent.objects.get(action="user_approved")
    assert (approval.actor, approval.object_id) == (administrator.email, str(user.pk))
    assert approval.detail == {"role": "clinician"}
    assert AuditEvent.objects.filter(action="access_requested", actor=user.email).exists()


def test_a_declined_account_stays_closed(
    access_request: AccessRequest,
    administration: Client,
    client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        chosen = {"action": "decline", "_selected_action": [access_request.pk]}
        administration.post("/admin/accounts/accessrequest/", chosen)

    assert mail.outbox[-1].to == ["ada.okafor@example.org"]
    answer = client.post("/accounts/login/", {"login": "ada.okafor@example.org", "password": PASSWORD})
    assert answer.headers["Location"] == "/accounts/inactive/"


def test_a_request_is_decided_once_and_by_administrators_only(
    access_request: AccessRequest, administrator: User
) -> None:
    with pytest.raises(NotPermittedError):
        access_request_approve(access_request=access_request, role=Role.ADMINISTRATOR, by=access_request.user)
    access_request_decline(access_request=access_request, by=administrator)
    with pytest.raises(ConflictError):
        access_request_approve(access_request=access_request, role=Role.CLINICIAN, by=administrator)
    assert Actor.of_user(User.objects.get(pk=access_request.user_id)).rights == frozenset()


def test_a_known_address_is_not_given_away(client: Client, administrator: User) -> None:
    answer = client.post("/accounts/signup/", {**FORM, "email": administrator.email})

    assert answer.headers["Location"] == "/accounts/inactive/"
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    assert "already" in mail.outbox[0].body.lower()
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password1", "password"),
        ("wanted_role", "integrator"),
        ("reason", ""),
        ("email", "ada@"),
        ("last_name", ""),
    ],
)
def test_a_bad_form_makes_nothing(client: Client, db: None, field: str, value: str) -> None:
    form = {**FORM, field: value, **({"password2": value} if field == "password1" else {})}

    assert client.post("/accounts/signup/", form).status_code == 200
    assert not User.objects.exists()


def test_a_failing_mail_server_undoes_nothing(
    access_request: AccessRequest,
    administrator: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens there
    with django_capture_on_commit_callbacks(execute=True):
        access_request_approve(access_request=access_request, role=Role.CLINICIAN, by=administrator)
    assert User.objects.get(pk=access_request.user_id).is_active
