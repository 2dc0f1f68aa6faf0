"""The living worklist: new studies appear by themselves, and the hand that holds a row keeps it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ml.phantom import phantom_dicom
from tests.browser.conftest import OpenBrowser, quietly
from tests.running_platform import Platform

pytestmark = [
    pytest.mark.browser,
    pytest.mark.peer("chromium"),
    pytest.mark.xdist_group("platform"),
    pytest.mark.timeout(300),
]

ARRIVAL_MS = 60_000


def send(platform: Platform, key: str, data: bytes) -> None:
    """Upload one object as an integrator does."""
    boundary = "phantom-boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="x.dcm"\r\n'
        "Content-Type: application/dicom\r\n\r\n"
    ).encode()
    body += data + f"\r\n--{boundary}--\r\n".encode()
    answer = platform.request(
        "POST",
        "/api/v1/studies/",
        key=key,
        body=body,
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    assert answer.status == 201, answer.body


def test_studies_appear_without_reloading_and_the_focus_stays(
    platform: Platform, open_browser: OpenBrowser
) -> None:
    key = platform.create_api_key(
        platform.create_user("pacs@example.org", "integrator"), "studies:read", "studies:write"
    )
    send(platform, key, phantom_dicom("bacterial_pneumonia", seed=521))
    reader = open_browser("wide")
    reader.sign_in(platform.create_user("live@example.org", "radiologist"))
    page = reader.page
    expect(page.locator("[data-row]").first).to_be_visible(timeout=ARRIVAL_MS)
    before = page.locator("[data-row]").count()
    page.keyboard.press("j")
    held = page.evaluate("document.activeElement.id")
    assert held.startswith("open-")
    page.evaluate("window.sameDocument = true")

    send(platform, key, phantom_dicom("covid19", seed=522))
    expect(page.locator("[data-row]")).to_have_count(before + 1, timeout=ARRIVAL_MS)
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("document.activeElement.id") == held
    reader.picture("worklist")

    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/**")


def test_keys_search_and_help(platform: Platform, open_browser: OpenBrowser) -> None:
    reader = open_browser("wide")
    reader.sign_in(platform.create_user("keys@example.org", "radiologist"))
    page = reader.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("nobody of this name")
    page.keyboard.press("Enter")
    expect(page.locator(".empty")).to_contain_text("Nothing matches")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keyboard-help")).to_be_visible()
    expect(page.locator("#keyboard-help")).to_contain_text("next study")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    reader.picture("worklist-dark")


def test_a_lost_server_is_said_and_the_list_stays(platform: Platform, open_browser: OpenBrowser) -> None:
    reader = open_browser("wide")
    reader.sign_in(platform.create_user("stale@example.org", "radiologist"))
    page = reader.page
    with quietly(reader, "ERR_INTERNET_DISCONNECTED", "htmx:"):
        page.context.set_offline(True)
        expect(page.locator("[data-stale] .stale-note")).to_be_visible(timeout=15_000)
        page.context.set_offline(False)
        expect(page.locator("[data-stale]")).to_have_count(0, timeout=15_000)
