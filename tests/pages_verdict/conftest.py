"""A headless Chromium for pages that must load nothing and complain of nothing."""

import pytest

from tests.pages.browser import a_browser


@pytest.fixture(scope="module")
def chromium():
    """Return a browser, or skip."""
    with a_browser() as browser:
        yield browser


@pytest.fixture
def open_page(chromium):
    """Return a function that opens a file in a window of that size.

    After the test it is made sure that nothing was complained of, asked or loaded.
    """
    pages, faults = [], []

    def opened(path, *, width=1200, height=800, media="screen"):
        page = chromium.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        own = path.as_uri()
        page.emulate_media(media=media)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((own, "data:")) or faults.append(request.url)
            ),
        )
        page.goto(own)
        return page

    yield opened
    for page in pages:
        page.close()
    assert not faults


def overflow(page):
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
