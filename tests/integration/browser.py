"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

WAIT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "install Debian's chromium"
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(page: Page, refusals: bool = False) -> Iterator[None]:
    """Nothing that happens inside may leave an error on the console; answers of 4xx may with `refusals`."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        refused = refusals and "the server responded with a status of 4" in message.text
        if message.type in ("error", "warning") and not refused:
            complaints.append(message.text)

    def failed(error: Exception) -> None:
        complaints.append(str(error))

    page.on("console", note)
    page.on("pageerror", failed)
    yield
    page.remove_listener("console", note)
    page.remove_listener("pageerror", failed)
    assert complaints == []
