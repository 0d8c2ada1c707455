"""A real browser for tests: Debian's Chromium, driven by Playwright's client, and watched for whatever a good page never does."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.support.paths import ROOT

PICTURES = ROOT / "build" / "browser"
WIDTHS = (1400, 800, 360)
SCHEMES = ("light", "dark")
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# a busy machine is no failure
_PATIENCE = 60_000


def chromium_path() -> str:
    """The path of Chromium, or of what CHROMIUM names; empty where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), "")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium without a window."""
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that a container has not; the pages are ours
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A tab with a session at a served page.

    Attributes:
        troubles: what the page did that none of ours may do: errors in the console, errors of scripts, dialogs, requests to anywhere else.
    """

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Opens one of the pages, and waits until its scripts have run."""
        self.page.goto(f"{self.address}{path}")

    def follow(self, link: Locator) -> None:
        """Clicks on what leads to another page, and waits until that one has loaded."""
        with self.page.expect_navigation():
            link.click()

    def wide(self, width: int) -> None:
        """Makes the window so wide."""
        self.page.set_viewport_size({"width": width, "height": 900})

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def widest(self) -> list[str]:
        """The beginnings of the elements that reach beyond the window and lie in nothing that scrolls."""
        return list(
            self.page.evaluate(
                """() => [...document.querySelectorAll("body *")].filter(each => each.getBoundingClientRect().right > innerWidth + 1)
                    .map(each => each.outerHTML.slice(0, 120)).slice(0, 6)"""
            )
        )

    def picture(self, name: str) -> None:
        """Keeps a picture of the page, for a person to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    def violations(self) -> list[str]:
        """The rules of accessibility that the page breaks, each with the first element that does."""
        found: dict[str, Any] = Axe().run(self.page).response
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}: {each['nodes'][0]['failureSummary']}" for each in found["violations"]]

    def first_paint(self) -> float:
        """Milliseconds from the request to the first content on the screen."""
        # a promise, since what Playwright polls for itself it evaluates later, which our content security policy forbids
        return float(
            self.page.evaluate(
                """() => new Promise(tell => new PerformanceObserver(seen => {
                    for (const each of seen.getEntries()) if (each.name === "first-contentful-paint") tell(each.startTime);
                }).observe({ type: "paint", buffered: true }))"""
            )
        )


@contextmanager
def visit(browser: Browser, served, **options: Any) -> Iterator[Visit]:
    """A new tab in a session at ``served`` (tests.support.page); ``options`` are those of a browser's context. Asserts that there was no trouble."""
    context = browser.new_context(**options)
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    found = Visit(page, served.address)
    own = f"{served.address}/"
    page.on("console", lambda message: found.troubles.append(f"console: {message.text}") if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: found.troubles.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (found.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith(own) else found.troubles.append(f"request: {request.url}"))
    try:
        page.goto(served.url)
        yield found
        assert found.troubles == []
    finally:
        context.close()
