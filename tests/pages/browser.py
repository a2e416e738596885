"""A headless Chromium for the tests of pages; it refuses what a page must not do."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """Return the browser of this machine, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextlib.contextmanager
def a_browser() -> Iterator[object]:
    """Yield a headless Chromium; skip where there is none, or no playwright."""
    path = chromium_path()
    if path is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def open_page(
    browser: object, path: Path, width: int = 1280, height: int = 900
) -> Iterator[object]:
    """Yield a page that is open; at the end, fail if it asked or complained.

    A page may ask for nothing but its own file, and the console has to stay empty.
    """
    wrong: list[str] = []
    own = path.resolve().as_uri()
    page = browser.new_page(viewport={"width": width, "height": height})
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "requestfailed", lambda request: wrong.append(f"failed: {request.url[:99]}")
    )
    page.on("request", lambda request: _note_request(request.url, own, wrong))
    try:
        page.goto(own)
        page.wait_for_load_state("load")
        yield page
        assert wrong == []
    finally:
        page.close()


def _note_request(url: str, own: str, wrong: list[str]) -> None:
    if not url.startswith((f"{own}#", "data:")) and url != own:
        wrong.append(f"request: {url[:99]}")
