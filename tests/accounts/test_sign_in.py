"""Coming, going, failing to come, and forgetting the password."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.tasks import clear_sessions
from apps.audit.models import AuditEvent
from tests.accounts.conftest import PASSWORD

FORM = {"login": "clinician@example.org", "password": PASSWORD}


@pytest.fixture
def clinician(person: Callable[[Role], User]) -> User:
    """Somebody who needs no second factor."""
    return person(Role.CLINICIAN)


def test_signing_in_and_out_is_recorded_with_its_address(client: Client, clinician: User) -> None:
    answer = client.post("/accounts/login/", FORM, REMOTE_ADDR="192.0.2.7")
    assert answer.headers["Location"] == "/"
    assert client.session.get_expire_at_browser_close()

    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    events = list(AuditEvent.objects.filter(action__startswith="signed").order_by("pk"))
    assert [(event.action, event.actor, event.actor_role) for event in events] == [
        ("signed_in", clinician.email, "clinician"),
        ("signed_out", clinician.email, "clinician"),
    ]
    assert events[0].source == "192.0.2.7"
    assert events[1].detail == {"reason": "asked"}


def test_a_page_leads_to_sign_in_and_back(client: Client, administration: Client) -> None:
    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
    login = client.get("/admin/login/?next=/admin/")
    assert login.headers["Location"].startswith("/accounts/login/?next=")
    assert administration.get("/admin/").status_code == 200


def test_failures_are_recorded_without_what_was_typed(client: Client, clinician: User) -> None:
    client.post("/accounts/login/", {**FORM, "password": "wrong"})
    client.post("/accounts/login/", {"login": "hunter2@typed-a-password.org", "password": "x"})

    events = AuditEvent.objects.filter(action="sign_in_failed").order_by("pk")
    assert [(event.actor, event.outcome) for event in events] == [
        (clinician.email, "failure"),
        ("unknown", "failure"),
    ]
    assert "hunter2" not in str(list(events.values()))


def test_guessing_one_account_is_stopped_even_from_many_addresses(client: Client, clinician: User) -> None:
    for attempt in range(5):
        answer = client.post(
            "/accounts/login/", {**FORM, "password": f"guess {attempt}"}, REMOTE_ADDR=f"192.0.2.{attempt}"
        )
        assert "not correct" in answer.text

    answer = client.post("/accounts/login/", FORM, REMOTE_ADDR="192.0.2.200")
    assert "Too many failed login attempts" in answer.text
    assert "_auth_user_id" not in client.session


def test_guessing_many_accounts_from_one_address_is_stopped(client: Client, db: None) -> None:
    def attempt(number: int) -> str:
        form = {"login": f"person{number}@example.org", "password": "guess"}
        return client.post("/accounts/login/", form).text

    assert all("not correct" in attempt(number) for number in range(10))
    assert "Too many failed login attempts" in attempt(10)


def test_a_forged_forwarding_header_does_not_dodge_the_limit(client: Client, db: None) -> None:
    for number in range(30):
        client.post("/accounts/login/", FORM, headers={"X-Forwarded-For": f"198.51.100.{number}"})
    answer = client.post("/accounts/login/", FORM, headers={"X-Forwarded-For": "198.51.100.99"})

    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


def test_the_address_is_remembered_only_where_asked(client: Client, clinician: User) -> None:
    answer = client.post("/accounts/login/", {**FORM, "remember_address": "on"})
    cookie = answer.cookies["cxr_address"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/accounts/login/")
    client.post("/accounts/logout/")
    assert 'value="clinician@example.org"' in client.get("/accounts/login/").text

    assert client.post("/accounts/login/", FORM).cookies["cxr_address"].value == ""


def test_a_forgotten_password_is_set_anew_by_mail(client: Client, clinician: User) -> None:
    client.post("/accounts/password/reset/", {"email": clinician.email})
    found = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert found
    page = client.get(found.group(1), follow=True)
    form = {"password1": "A-new-horse-battery-8", "password2": "A-new-horse-battery-8"}
    done = client.post(page.redirect_chain[-1][0], form, follow=True)

    assert "Your password is changed" in done.text
    answer = client.post("/accounts/login/", {**FORM, "password": form["password1"]})
    assert answer.headers["Location"] == "/"
    assert AuditEvent.objects.filter(action="password_reset", actor=clinician.email).exists()


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client, db: None) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})

    assert answer.headers["Location"] == "/accounts/password/reset/done/"
    assert mail.outbox == []


def test_a_closed_account_is_out_at_once(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    assert client.get("/accounts/password/change/").status_code == 200
    User.objects.filter(pk=clinician.pk).update(is_active=False)
    assert client.get("/accounts/password/change/").status_code == 302


def test_nobody_adds_a_second_address_or_changes_theirs(client: Client, clinician: User) -> None:
    client.post("/accounts/login/", FORM)
    client.post("/accounts/email/", {"action_add": "", "email": "other@example.org"})

    assert list(EmailAddress.objects.filter(user=clinician).values_list("email", flat=True)) == [
        clinician.email
    ]


def test_a_changed_password_is_recorded_and_told(client: Client, clinician: User) -> None:
    client.post("/accounts/login/", FORM)
    new = "A-new-horse-battery-8"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    page = client.post("/accounts/password/change/", form, follow=True)
    if "/reauthenticate/" in page.redirect_chain[-1][0]:
        client.post(page.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
    client.post("/accounts/password/change/", form)

    assert User.objects.get(pk=clinician.pk).check_password(new)
    assert AuditEvent.objects.filter(action="password_changed", actor=clinician.email).exists()
    assert [message.to for message in mail.outbox] == [[clinician.email]]


def test_ended_sessions_are_tidied_away(client: Client, clinician: User) -> None:
    client.post("/accounts/login/", FORM)
    assert client.get("/accounts/sessions/").status_code == 200
    clear_sessions()
    assert (Session.objects.count(), UserSession.objects.count()) == (1, 1)

    Session.objects.update(expire_date=timezone.now())
    clear_sessions()
    assert (Session.objects.count(), UserSession.objects.count()) == (0, 0)
