"""What browsers are told, on our pages, allauth's and Django admin's."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.accounts.conftest import PASSWORD

OPEN = ["/accounts/login/", "/accounts/signup/", "/accounts/inactive/", "/accounts/password/reset/"]
SIGNED_IN = [
    "/accounts/2fa/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/apikey/add/",
    "/admin/audit/auditevent/",
]
EXECUTABLE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.IGNORECASE)
INLINE = re.compile(r"<[^>]+\s(?:on\w+|style)=", re.IGNORECASE)


def assert_safe(page: object) -> None:
    """Hold an answer against the policy: strict headers, and nothing in the page that they would block."""
    headers, text = page.headers, page.text  # type: ignore[attr-defined]  # any answer or page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    nonces = set(re.findall(r'nonce="([^"]+)"', text))
    for tag in EXECUTABLE.findall(text):
        assert any(nonce in tag for nonce in nonces), tag
    assert not INLINE.search(text), INLINE.search(text)


@pytest.mark.parametrize("address", OPEN)
def test_open_pages(address: str, client: Client, db: None) -> None:
    page = client.get(address)
    assert page.status_code == 200
    assert_safe(page)


def test_signed_in_pages(client: Client, administrator: User) -> None:
    client.post("/accounts/login/", {"login": administrator.email, "password": "x"})
    client.force_login(administrator)
    for address in SIGNED_IN:
        page = client.get(address, follow=True)
        assert page.status_code == 200, address
        assert "no-store" in page.headers["Cache-Control"]
        assert_safe(page)


def test_pages_of_the_second_factor(client: Client, administrator: User) -> None:
    client.post("/accounts/login/", {"login": administrator.email, "password": PASSWORD})
    page = client.get("/accounts/2fa/authenticate/")
    assert page.status_code == 200
    assert "security key" in page.text
    assert_safe(page)
