"""Fifteen idle minutes, twelve hours, and what does not count as activity."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.middleware import LAST_SEEN_AT, SIGNED_IN_AT
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.audit.models import AuditEvent

PAGE = "/accounts/password/change/"
MINUTE = 60


@pytest.fixture
def signed_in(client: Client, person: Callable[[Role], User]) -> Client:
    """A clinician's browser."""
    client.force_login(person(Role.CLINICIAN))
    return client


def age(client: Client, *, seen: float = 0, signed_in: float = 0) -> None:
    """Make the session look as if this many seconds had passed since."""
    session = client.session
    session[LAST_SEEN_AT] -= seen
    session[SIGNED_IN_AT] -= signed_in
    session.save()


def test_an_active_session_goes_on(signed_in: Client) -> None:
    before = signed_in.session[LAST_SEEN_AT]
    age(signed_in, seen=14 * MINUTE)

    assert signed_in.get(PAGE).status_code == 200
    assert signed_in.session[LAST_SEEN_AT] >= before


def test_an_idle_session_ends_and_says_why(signed_in: Client) -> None:
    age(signed_in, seen=15 * MINUTE)

    answer = signed_in.get(PAGE, follow=True)
    assert answer.redirect_chain == [(f"/accounts/login/?next={PAGE}", 302)]
    assert "You were signed out after 15 minutes without activity." in answer.text
    assert AuditEvent.objects.get(action="signed_out").detail == {"reason": "idle"}


def test_a_session_ends_after_twelve_hours_however_busy(signed_in: Client) -> None:
    age(signed_in, signed_in=12 * 60 * MINUTE)

    assert signed_in.get(PAGE).status_code == 302
    assert AuditEvent.objects.get(action="signed_out").detail == {"reason": "absolute"}


def test_live_polling_does_not_keep_an_idle_session_alive(signed_in: Client) -> None:
    age(signed_in, seen=10 * MINUTE)
    idle_since = signed_in.session[LAST_SEEN_AT]
    for _ in range(3):
        assert signed_in.get(PAGE, headers={"X-Live-Poll": "1"}).status_code == 200
    assert signed_in.session[LAST_SEEN_AT] == idle_since

    age(signed_in, seen=5 * MINUTE)
    assert signed_in.get(PAGE, headers={"X-Live-Poll": "1"}).status_code == 302


def test_htmx_is_sent_to_the_sign_in_page_and_back_to_where_it_was(client: Client, db: None) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/worklist/?status=running"}

    answer = client.get(PAGE, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/worklist/%3Fstatus%3Drunning"


def test_a_busy_session_is_not_written_with_each_request(signed_in: Client) -> None:
    seen = signed_in.session[LAST_SEEN_AT]
    signed_in.get(PAGE)
    assert signed_in.session[LAST_SEEN_AT] == seen
