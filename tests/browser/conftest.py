"""A real browser on a running platform; what it complains of fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.running_platform import PASSWORD, Platform

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "test-artifacts"
WIDE = (1440, 900)
NARROW = (390, 844)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenBrowser = Callable[..., "Visitor"]


class Visitor:
    """One person's browser on the platform, and what its console said."""

    def __init__(self, context: BrowserContext, platform: Platform, name: str) -> None:
        self.platform, self.name = platform, name
        # By name: a security key is bound to a domain, which an IP address is not (WebAuthn 5.1.2).
        self.address = platform.url.replace("127.0.0.1", "localhost")
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((self.address, "data:", "blob:"))
                else self.complaints.append(f"asked another server: {request.url}")
            ),
        )

    def goto(self, path: str) -> None:
        """Open an address of the platform."""
        self.page.goto(self.address + path)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in by the form."""
        self.goto("/accounts/login/")
        self.page.locator("[name=login]").fill(email)
        self.page.locator("[name=password]").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda address: "/accounts/login" not in address)

    def picture(self, name: str, *, full: bool = False) -> Path:
        """Keep a screenshot among the test's artifacts."""
        path = ARTIFACTS / f"{name}-{self.name}.png"
        path.parent.mkdir(exist_ok=True)
        self.page.screenshot(path=path, full_page=full)
        return path

    def fits(self) -> bool:
        """Say whether the page is no wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return width <= 0


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: apt-get install chromium.")
        pytest.skip("Chromium is not installed: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_browser(chromium: Browser, platform: Platform) -> Iterator[OpenBrowser]:
    """Open browsers, each a person's own; their consoles must have stayed silent at the end."""
    opened: list[tuple[Visitor, BrowserContext]] = []

    def start(name: str = "wide", size: tuple[int, int] = WIDE, *, touch: bool = False) -> Visitor:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, reduced_motion="reduce"
        )
        visitor = Visitor(context, platform, name)
        opened.append((visitor, context))
        return visitor

    yield start
    for visitor, context in opened:
        context.close()
        assert visitor.complaints == [], visitor.name


@contextmanager
def quietly(visitor: Visitor, *expected: str) -> Iterator[None]:
    """Let the console say what a test provokes, such as a refused answer."""
    before = len(visitor.complaints)
    yield
    visitor.complaints[before:] = [
        said for said in visitor.complaints[before:] if not any(part in said for part in expected)
    ]
