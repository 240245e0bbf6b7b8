"""One browser and one site for all tests with a browser."""

import pytest

from tests.browser.chromium import NoBrowser, chromium, closely_watched, window


@pytest.fixture(scope="package")
def browser():
    """Start a browser, once; one that is left alone still takes processor time."""
    try:
        with chromium() as started:
            yield started
    except NoBrowser as reason:
        pytest.skip(f"There is no browser: {reason}.")


@pytest.fixture
def open_window(browser):
    """Return a function that opens a window with cookies of its own."""
    opened = []

    def open_one(**options):
        opened.append(window(browser, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def page(open_window):
    """Open a page; no error of its scripts may go unnoticed."""
    with closely_watched(open_window().new_page()) as opened:
        yield opened
