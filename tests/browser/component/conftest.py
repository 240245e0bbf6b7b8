"""One page for all these tests: what costs time is to open it."""

import pytest

from tests.browser.chromium import closely_watched, window
from tests.browser.component.scripted import ELEMENT, Server


@pytest.fixture(scope="package")
def only_server(browser):
    opened = window(browser)
    yield Server(opened.new_page())
    opened.close()


@pytest.fixture
def page(only_server):
    with closely_watched(only_server.page) as watched:
        yield watched


@pytest.fixture
def server(only_server, page):
    """Return the other end of the page's sockets."""
    only_server.reset()
    return only_server


@pytest.fixture
def show(server):
    """Return a function that shows an element, lets it in and returns its socket."""

    def shown(attributes="", content="", **welcome):
        server.show(ELEMENT.format(f" {attributes}", content))
        socket = server.socket()
        socket.welcome(**welcome)
        return socket

    return shown
