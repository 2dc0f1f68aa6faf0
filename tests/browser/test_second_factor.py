"""Setting up and using a second factor, and a walk through the administration, under the strict policy."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser, Visitor
from tests.running_platform import PASSWORD, Platform

pytestmark = [
    pytest.mark.browser,
    pytest.mark.peer("chromium"),
    pytest.mark.xdist_group("platform"),
    pytest.mark.timeout(300),
]

ADMINISTRATION = [
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/apikey/add/",
    "/admin/accounts/accessrequest/",
    "/admin/audit/auditevent/",
    "/admin/gateway/remoteae/add/",
    "/admin/studies/study/",
    "/admin/diagnosis/diagnosis/",
    "/admin/registry/modelversion/",
]


def set_up_an_app(visitor: Visitor) -> str:
    """Set up an authenticator app, after saying the password again; return its secret."""
    page = visitor.page
    visitor.goto("/accounts/2fa/")
    page.get_by_role("link", name="Set up").click()
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret").input_value()
    visitor.picture("authenticator-app", full=True)
    page.locator("[name=code]").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("#recovery_codes")).to_have_value(re.compile(r"^(\d{8}\s*){10}$"))
    return secret


def add_a_key(visitor: Visitor) -> None:
    """Add a security key, which Chromium pretends to have."""
    page = visitor.page
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "hasResidentKey": True}})
    visitor.goto("/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/accounts/2fa/")
    expect(page.locator("main")).to_contain_text("1 key added")


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_out(visitor: Visitor) -> None:
    """Leave."""
    visitor.goto("/accounts/logout/")
    visitor.page.get_by_role("main").get_by_role("button", name="Sign out").click()
    visitor.page.wait_for_url("**/accounts/login/")


def test_an_app_then_a_key_then_a_remembered_device(platform: Platform, open_browser: OpenBrowser) -> None:
    visitor = open_browser()
    page = visitor.page
    email = platform.create_user("second@example.org", "data_scientist")
    visitor.sign_in(email)
    set_up_an_app(visitor)
    add_a_key(visitor)

    sign_out(visitor)
    visitor.sign_in(email)
    page.wait_for_url("**/accounts/2fa/authenticate/")
    visitor.picture("second-factor")
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url("**/accounts/2fa/trust/")
    page.get_by_role("button", name="Remember it").click()
    page.wait_for_url(lambda address: "/accounts/" not in address)

    sign_out(visitor)
    visitor.sign_in(email)
    page.wait_for_url(lambda address: "/accounts/" not in address)


def test_the_administration_runs_under_the_policy(platform: Platform, open_browser: OpenBrowser) -> None:
    visitor = open_browser("administrator")
    visitor.sign_in(platform.create_user("tour@example.org", "administrator"))
    for address in ADMINISTRATION:
        visitor.goto(address)
        expect(visitor.page.locator("#site-name")).to_have_text("CXR Platform")
    visitor.picture("administration", full=True)
