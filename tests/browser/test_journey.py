"""The whole way of a person: ask for access, be let in, upload, watch, read, correct."""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from ml.phantom import phantom_dicom, phantom_png
from tests.browser.conftest import NARROW, ROOT, OpenBrowser, Visitor, quietly
from tests.running_platform import PASSWORD, Platform

pytestmark = [
    pytest.mark.browser,
    pytest.mark.peer("chromium"),
    pytest.mark.xdist_group("platform"),
    pytest.mark.timeout(300),
]

RESULT_MS = 60_000
DRAWING_MS = 30_000
"""The first drawing starts the web process's decode pool."""
ANSWER = re.compile(r" likely$|^Looks normal$|^Inconclusive$")
"""Which one it is, is the model's business and tested there."""
README_PICTURE = ROOT / "docs" / "images" / "reading.png"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Phantoms to upload, and a file that is no image."""
    folder = tmp_path_factory.mktemp("files")
    contents = {
        "covid.dcm": phantom_dicom("covid19", seed=501),
        "normal.png": phantom_png("normal", seed=502),
        "lateral.dcm": phantom_dicom("lateral", seed=503),
        "notes.txt": b"not an image at all\n" * 20,
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]


def request_access(visitor: Visitor, email: str) -> None:
    """Fill in the form of the entrance."""
    page = visitor.page
    visitor.goto("/accounts/signup/")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Reader")
    page.locator("[name=email]").fill(email)
    page.get_by_label("Role").select_option("radiologist")
    page.get_by_label("What do you need it for?").fill("Reading chest radiographs.")
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    visitor.picture("request-access", full=True)
    page.get_by_role("button", name="Send the request").click()
    page.wait_for_url("**/accounts/inactive/")


def approve(visitor: Visitor, email: str) -> None:
    """Approve a request in Django admin, as an administrator does."""
    page = visitor.page
    visitor.goto(f"/admin/accounts/accessrequest/?q={email}")
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("approve_as_wanted")
    page.get_by_role("button", name=re.compile("^(Go|Run)")).click()
    expect(page.locator(".messagelist")).to_contain_text("Approved")


def lit_pixels(page: Page) -> float:
    """Return the mean grey of the image on the canvas."""
    mean: float = page.evaluate(
        """() => {
            const canvas = document.querySelector("[data-image]");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let sum = 0;
            for (let at = 0; at < data.length; at += 4) sum += data[at];
            return sum / (data.length / 4);
        }"""
    )
    return mean


def test_from_the_entrance_to_a_correction(
    platform: Platform, open_browser: OpenBrowser, files: list[Path]
) -> None:
    reader = open_browser()
    request_access(reader, "ada@example.org")

    administrator = open_browser("administrator")
    administrator.sign_in(platform.create_user("chief@example.org", "administrator"))
    approve(administrator, "ada@example.org")

    reader.sign_in("ada@example.org")
    page = reader.page
    expect(page).to_have_title(re.compile("Worklist"))

    page.get_by_role("link", name="Upload", exact=True).click()
    rows = page.locator(".upload-row")
    with quietly(reader, "400"):  # the file that is no image
        page.locator("input[type=file]").set_input_files(files)
        expect(rows).to_have_count(4)
        expect(rows.nth(3)).to_have_attribute("data-state", "error", timeout=RESULT_MS)
    expect(rows.nth(0)).to_have_attribute("data-state", "done", timeout=RESULT_MS)
    expect(rows.nth(1)).to_have_attribute("data-state", "done", timeout=RESULT_MS)
    expect(rows.nth(2)).to_have_attribute("data-state", "refused", timeout=RESULT_MS)
    expect(page.locator("[data-summary-text]")).to_have_text("4 of 4 finished, 1 with an error")
    reader.picture("upload", full=True)

    rows.nth(0).get_by_role("link", name="Open").click()
    expect(page.locator("h1")).to_have_text(ANSWER)
    page.wait_for_selector("body[data-picture=shown]")
    reader.picture("reading")
    if os.environ.get("CXR_README_PICTURE"):
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        Image.open(BytesIO(page.screenshot())).convert("RGB").save(README_PICTURE, optimize=True)

    move_the_slider(page)
    work_on_the_image(page)
    correct(page)
    page.wait_for_selector("body[data-picture=shown]")
    reader.picture("corrected")

    page.keyboard.press("u")
    page.wait_for_url("**/worklist/**")
    page.get_by_role("link", name=re.compile("Disagreements")).click()
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator(".cell-status")).to_have_text("Corrected")


def move_the_slider(page: Page) -> None:
    """Fade the evidence, choose another finding, switch it off and on."""
    overlay, slider = page.locator("[data-saliency]"), page.locator("[data-saliency-opacity]")
    expect(overlay).to_be_visible()
    slider.fill("85")
    expect(page.locator("[data-saliency-readout]")).to_have_text("85 %")
    assert overlay.evaluate("element => element.style.opacity") == "0.85"
    first = overlay.get_attribute("src")
    choice = page.locator("[data-saliency-choice]")
    if choice.locator("option").count() > 1:
        choice.select_option(index=1)
        assert overlay.get_attribute("src") != first
    page.locator("h1").click()
    page.keyboard.press("s")
    expect(overlay).to_be_hidden()
    page.keyboard.press("s")
    expect(overlay).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator("[data-lungs]")).to_be_visible()


def work_on_the_image(page: Page) -> None:
    """Window by dragging, invert, zoom, ask the server for an exact window, and reset."""
    before = lit_pixels(page)
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0], middle[1] + 120, steps=6)
    page.mouse.up()
    page.wait_for_function("document.querySelector('[data-window-readout]').textContent !== 'C 50 % W 100 %'")
    darker = lit_pixels(page)
    assert darker < before
    page.keyboard.press("i")
    expect(page.locator("[data-action=invert]")).to_have_attribute("aria-pressed", "true")
    assert lit_pixels(page) == pytest.approx(255 - darker, abs=1)
    page.mouse.wheel(0, -400)
    assert page.locator("[data-layers]").evaluate("element => element.style.transform.includes('scale')")
    page.get_by_text("Exact window").click()
    page.locator("[name=center]").fill("2000")
    page.locator("[name=width]").fill("800")
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("[data-window-readout]")).to_contain_text("C 2000 W 800", timeout=DRAWING_MS)
    page.locator("h1").click()
    page.keyboard.press("r")
    expect(page.locator("[data-window-readout]")).to_have_text("C 50 % W 100 %")
    assert lit_pixels(page) == pytest.approx(before, abs=0.5)


def correct(page: Page) -> None:
    """Say by keyboard and mouse that it is something else."""
    page.locator("h1").click()
    page.keyboard.press("c")
    choice = page.locator(".choice").last
    finding = choice.inner_text().strip()
    choice.get_by_role("radio").check()
    page.get_by_label("Comment, if it helps").fill("Lobar, right lower zone.")
    page.get_by_role("button", name="Save correction").click()
    expect(page.locator("#messages")).to_contain_text("Your correction is recorded.")
    expect(page.locator(".review")).to_contain_text(f"Corrected to {finding}")


def test_the_same_on_a_phone(platform: Platform, open_browser: OpenBrowser) -> None:
    phone = open_browser("narrow", NARROW, touch=True)
    phone.sign_in(platform.create_user("phone@example.org", "clinician"))
    page = phone.page
    page.get_by_role("link", name="Upload", exact=True).click()
    chest: FilePayload = {
        "name": "a.dcm",
        "mimeType": "application/dicom",
        "buffer": phantom_dicom("normal", seed=511),
    }
    hand: FilePayload = {
        "name": "b.dcm",
        "mimeType": "application/dicom",
        "buffer": phantom_dicom("hand", seed=512),
    }
    page.locator("input[type=file]").set_input_files([chest, hand])
    rows = page.locator(".upload-row")
    expect(rows.nth(0)).to_have_attribute("data-state", "done", timeout=RESULT_MS)
    expect(rows.nth(1)).to_have_attribute("data-state", "refused", timeout=RESULT_MS)
    assert phone.fits()
    phone.picture("upload", full=True)
    phone.goto("/worklist/?view=all")
    assert phone.fits()
    phone.picture("worklist")
    page.locator(".row-link").first.click()
    page.wait_for_selector("body[data-picture=shown]")
    assert phone.fits()
    phone.picture("reading", full=True)
    phone.goto("/worklist/?view=refused")
    page.locator(".row-link").first.click()
    expect(page.locator("h1")).to_have_text("No result for this image")
    assert phone.fits()
    phone.picture("refused", full=True)
    for name, path in {"help": "/help/", "account": "/account/"}.items():
        phone.goto(path)
        assert phone.fits()
        phone.picture(name, full=True)
