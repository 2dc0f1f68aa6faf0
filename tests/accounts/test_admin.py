"""Accounts and keys in Django admin."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.core import mail
from django.test import Client

from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Role
from apps.accounts.services import api_key_authenticate
from apps.audit.models import AuditEvent
from tests.accounts.conftest import PASSWORD


def change_form(user: User, **changes: object) -> dict[str, object]:
    """What the page of an account would send."""
    names = {"first_name": user.first_name, "last_name": user.last_name}
    form = {**names, "role": user.role or "", "is_active": "on"}
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


def test_an_account_is_made_with_a_role(administration: Client, administrator: User) -> None:
    form = {
        "email": "New.Person@example.org",
        "first_name": "New",
        "last_name": "Person",
        "role": "administrator",
        "first_password": PASSWORD,
    }
    assert administration.post("/admin/accounts/user/add/", form).status_code == 302

    user = User.objects.get(email="new.person@example.org")
    assert (user.role, user.is_staff, user.is_superuser) == (Role.ADMINISTRATOR, True, False)
    assert (user.get_full_name(), user.check_password(PASSWORD)) == ("New Person", True)
    assert AuditEvent.objects.filter(action="user_created", actor=administrator.email).exists()


@pytest.mark.parametrize("password", ["password", "New.Person", "12345678901"])
def test_a_weak_first_password_is_refused(administration: Client, password: str) -> None:
    form = {"email": "new.person@example.org", "role": "clinician", "first_password": password}
    assert administration.post("/admin/accounts/user/add/", form).status_code == 200
    assert not User.objects.filter(email="new.person@example.org").exists()


def test_an_account_changes_role_name_and_closes(
    administration: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.CLINICIAN)
    page = f"/admin/accounts/user/{user.pk}/change/"
    assert administration.get(page).status_code == 200

    answer = administration.post(page, change_form(user, role="radiologist", last_name="Sato"))
    assert answer.status_code == 302
    user = User.objects.get(pk=user.pk)
    assert (user.role, user.last_name) == (Role.RADIOLOGIST, "Sato")
    administration.post(page, change_form(user, is_active=None))
    assert not User.objects.get(pk=user.pk).is_active
    administration.post(page, change_form(user))
    assert User.objects.get(pk=user.pk).is_active
    actions = set(AuditEvent.objects.filter(object_id=str(user.pk)).values_list("action", flat=True))
    assert {"role_changed", "user_deactivated", "user_activated", "admin_changed"} <= actions


def test_no_form_makes_a_superuser_or_changes_an_address(
    administration: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.CLINICIAN)
    form = change_form(user, is_superuser="on", is_staff="on", email="else@example.org", password="x")
    administration.post(f"/admin/accounts/user/{user.pk}/change/", form)

    fresh = User.objects.get(pk=user.pk)
    assert (fresh.is_superuser, fresh.is_staff, fresh.email) == (False, False, user.email)
    assert fresh.check_password(PASSWORD)


def test_the_last_administrator_stays(administration: Client, administrator: User) -> None:
    page = f"/admin/accounts/user/{administrator.pk}/change/"
    for changes in ({"role": "clinician"}, {"is_active": None}, {"role": ""}):
        answer = administration.post(page, change_form(administrator, **changes))
        assert "last administrator" in answer.text
    assert User.objects.get(pk=administrator.pk).role is Role.ADMINISTRATOR


def test_passwords_are_changed_on_the_house_page(administration: Client) -> None:
    answer = administration.get("/admin/password_change/")
    assert answer.headers["Location"] == "/accounts/password/change/"


def test_accounts_are_not_deleted(administration: Client, administrator: User) -> None:
    assert administration.get(f"/admin/accounts/user/{administrator.pk}/delete/").status_code == 403


def test_a_password_link_is_sent(administration: Client, person: Callable[[Role], User]) -> None:
    user = person(Role.CLINICIAN)
    chosen = {"action": "send_password_link", "_selected_action": [user.pk]}
    administration.post("/admin/accounts/user/", chosen)
    assert [message.to for message in mail.outbox] == [[user.email]]
    assert "/accounts/password/reset/key/" in mail.outbox[0].body


def test_a_key_is_shown_once_and_revoked(administration: Client, person: Callable[[Role], User]) -> None:
    user = person(Role.INTEGRATOR)
    form = {"user": user.pk, "name": "RIS", "scopes": ["studies:read", "studies:write"], "days": 30}
    page = administration.post("/admin/accounts/apikey/add/", form, follow=True)
    found = re.search(r"shown only now: (\S+?)<", page.text)
    assert found
    key = found.group(1)
    api_key = api_key_authenticate(key)
    assert api_key is not None
    assert api_key.scopes == ["studies:read", "studies:write"]
    listing = administration.get("/admin/accounts/apikey/").text
    assert api_key.prefix in listing
    assert key not in listing
    detail = administration.get(f"/admin/accounts/apikey/{api_key.pk}/change/")
    assert detail.status_code == 200

    administration.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [api_key.pk]})
    assert api_key_authenticate(key) is None
    assert ApiKey.objects.get().revoked


def test_an_administrator_ends_a_session(
    administration: Client, client: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.CLINICIAN)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.get("/accounts/sessions/")
    session = UserSession.objects.get(user=user)

    assert administration.get("/admin/usersessions/usersession/?q=clinician").status_code == 200
    administration.post(
        "/admin/usersessions/usersession/", {"action": "end", "_selected_action": [session.pk]}
    )
    assert client.get("/accounts/sessions/").status_code == 302


def test_every_page_of_the_administration_opens(administration: Client) -> None:
    assert administration.get("/admin/").status_code == 200
    for model in admin.site._registry:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert administration.get(address).status_code == 200, address


@pytest.mark.parametrize("role", set(Role) - {Role.ADMINISTRATOR})
def test_nobody_else_gets_in(role: Role, client: Client, person: Callable[[Role], User]) -> None:
    client.force_login(person(role))
    assert client.get("/admin/accounts/user/").status_code in {302, 403}
