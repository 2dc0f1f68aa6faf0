"""Who must have a second factor, how one gets it, and that its secret is nobody else's."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings as live_settings
from django.core import mail
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from tests.accounts.conftest import PASSWORD


def code_of(secret: str) -> str:
    """Return the code that an authenticator app would show now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_in(client: Client, user: User) -> str:
    """Give address and password; return where that leads."""
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return answer.headers["Location"]


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.DATA_SCIENTIST])
@pytest.mark.parametrize(
    "address",
    ["/", "/admin/", "/admin/mfa/authenticator/", "/admin/account/emailaddress/", "/admin/accounts/user/"],
)
def test_these_roles_get_nowhere_without_one(
    role: Role, address: str, client: Client, person: Callable[[Role], User]
) -> None:
    client.force_login(person(role))

    assert client.get(address).headers["Location"] == "/accounts/2fa/"
    assert client.get("/accounts/2fa/").status_code == 200
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 403
    assert client.get(address, headers={"Accept": "application/json"}).status_code == 403


@pytest.mark.parametrize("role", set(Role) - {Role.ADMINISTRATOR, Role.DATA_SCIENTIST})
def test_other_roles_may_do_without(role: Role, client: Client, person: Callable[[Role], User]) -> None:
    client.force_login(person(role))
    assert client.get("/").headers.get("Location") != "/accounts/2fa/"


def test_the_demo_may_switch_it_off(
    client: Client, person: Callable[[Role], User], settings: Settings
) -> None:
    settings.MFA_REQUIRED = False
    client.force_login(person(Role.ADMINISTRATOR))
    assert client.get("/admin/").status_code == 200


def test_setting_one_up_opens_the_house(
    transactional_db: None,
    client: Client,
    person: Callable[[Role], User],
) -> None:
    user = person(Role.ADMINISTRATOR)
    assert sign_in(client, user) == "/"

    page = client.get("/accounts/2fa/totp/activate/", follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/reauthenticate/")
    page = client.post(page.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
    form = page.context["form"]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(form.secret)}, follow=True)
    assert "Recovery Codes" in answer.text
    assert client.get("/admin/").status_code == 200
    assert AuditEvent.objects.filter(action="second_factor_added", actor=user.email).exists()
    assert [message.to for message in mail.outbox] == [[user.email]]


def test_signing_in_asks_for_it_and_records_wrong_ones(
    client: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.DATA_SCIENTIST)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)

    assert sign_in(client, user) == "/accounts/2fa/authenticate/"
    assert "Incorrect code" in client.post("/accounts/2fa/authenticate/", {"code": "000000"}).text
    failure = AuditEvent.objects.get(action="sign_in_failed")
    assert (failure.actor, failure.detail) == (user.email, {"step": "second factor"})
    assert "_auth_user_id" not in client.session

    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.headers["Location"] == "/accounts/2fa/trust/"
    assert client.post("/accounts/2fa/trust/", {"action": "skip"}).headers["Location"] == "/"
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_device_may_be_remembered_for_the_second_factor_only(
    client: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.DATA_SCIENTIST)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    sign_in(client, user)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    client.post("/accounts/2fa/trust/", {"action": "trust"})
    client.post("/accounts/logout/")

    assert "_auth_user_id" not in client.session
    assert sign_in(client, user) == "/"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert sign_in(Client(), user) == "/accounts/2fa/authenticate/"


def test_its_secret_is_encrypted_in_the_database_and_survives_a_new_secret_key(
    client: Client, person: Callable[[Role], User], settings: Settings
) -> None:
    user = person(Role.DATA_SCIENTIST)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    stored = Authenticator.objects.get(user=user)
    assert secret not in str(stored.data)

    settings.SECRET_KEY_FALLBACKS = [live_settings.SECRET_KEY]
    settings.SECRET_KEY = "another-one-" + "y" * 40
    assert stored.wrap().validate_code(code_of(secret))


def test_administrators_see_that_it_exists_not_its_secret(
    administration: Client, administrator: User
) -> None:
    stored = Authenticator.objects.get(user=administrator)

    page = administration.get(f"/admin/mfa/authenticator/{stored.pk}/change/")
    assert page.status_code == 200
    assert stored.data["secret"] not in page.text


def test_an_administrator_removes_a_lost_one(
    administration: Client, client: Client, person: Callable[[Role], User]
) -> None:
    user = person(Role.DATA_SCIENTIST)
    TOTP.activate(user, generate_totp_secret())

    chosen = {"action": "remove_second_factor", "_selected_action": [user.pk]}
    administration.post("/admin/accounts/user/", chosen)

    assert sign_in(client, user) == "/"
    assert client.get("/").headers["Location"] == "/accounts/2fa/"
    assert AuditEvent.objects.filter(action="second_factor_removed", object_id=str(user.pk)).exists()
