"""A real browser, driven from any thread.

Playwright keeps an event loop running in the thread that it works in, where Django's
ORM then refuses to be called: so it has a thread of its own, and what it gives out
are stand-ins that work there.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The first is the same browser without its windows, which does half the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# What Chromium says of a breach of a page's policy.
BREACHES = ("Content Security Policy", "This document requires 'Trusted")
# Milliseconds that nothing takes, however busy the machine.
PATIENCE = 20_000


class NoBrowser(Exception):
    """There is no browser to be had; the message says why."""


def executable() -> str:
    """Return where the browser is, or raise NoBrowser."""
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(f"none of {', '.join(NAMES)} is installed")
    return found


class StandIn:
    """Something of Playwright's; whatever is asked of it happens in its thread."""

    def __init__(self, thread: ThreadPoolExecutor, target: Any) -> None:
        self._thread, self._target = thread, target

    def __getattr__(self, name: str) -> Any:
        return self._do(lambda: getattr(self._target, name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._do(lambda: self._target(*map(_bare, args), **kwargs))

    def _do(self, work: Callable[[], Any]) -> Any:
        return self._wrapped(self._thread.submit(work).result())

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wrapped(each) for each in value]
        is_theirs = callable(value) or type(value).__module__.startswith("playwright")
        return StandIn(self._thread, value) if is_theirs else value


def _bare(value: Any) -> Any:
    return value._target if isinstance(value, StandIn) else value


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser for a block, or raise NoBrowser."""
    path = executable()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("Playwright is not installed") from None
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        playwright = StandIn(thread, thread.submit(sync_playwright().start).result())
        try:
            yield playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        finally:
            playwright.stop()


def window(browser: Any, **options: Any) -> Any:
    """Open a window with cookies of its own."""
    options.setdefault("viewport", {"width": 900, "height": 700})
    opened = browser.new_context(**options)
    opened.set_default_timeout(PATIENCE)
    return opened


@contextmanager
def closely_watched(page: Any) -> Iterator[Any]:
    """Let no error of a page's scripts, nor a breach of its policy, go unnoticed."""
    errors: list[str] = []

    def note_error(error: Any) -> None:
        errors.append(str(error))

    def note_message(message: Any) -> None:
        if any(each in message.text for each in BREACHES):
            errors.append(message.text)

    page.on("pageerror", note_error)
    page.on("console", note_message)
    try:
        yield page
    finally:
        page.remove_listener("pageerror", note_error)
        page.remove_listener("console", note_message)
    assert not errors, errors
