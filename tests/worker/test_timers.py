"""A timer that an execution leaves behind shortens the dispatcher's wait."""

import threading
from datetime import timedelta

import pytest

from django_durable import clock
from django_durable.worker.dispatcher import Dispatcher

pytestmark = pytest.mark.once


class Bell:
    """Notes how the dispatcher was woken."""

    def __init__(self):
        self.heard = []

    def nudge(self):
        self.heard.append("nudge")

    def ring(self):
        self.heard.append("ring")


@pytest.fixture
def dispatcher():
    """Return one that waits for a timer in a minute."""
    idle = Dispatcher(
        "default", None, None, queues=None, alone=None, stopping=threading.Event()
    )
    idle._bell = Bell()
    idle._timer_at = clock.monotonic() + 60
    return idle


def test_a_timer_that_is_due_first_wakes_without_news(dispatcher):
    dispatcher.note_timer(clock.now() + timedelta(seconds=30))

    assert dispatcher._bell.heard == ["nudge"]
    assert dispatcher._timer_at < clock.monotonic() + 31


def test_a_timer_that_is_due_later_wakes_nobody(dispatcher):
    before = dispatcher._timer_at

    dispatcher.note_timer(clock.now() + timedelta(seconds=90))

    assert (dispatcher._bell.heard, dispatcher._timer_at) == ([], before)


def test_of_two_timers_the_first_stays(dispatcher):
    for seconds in (30, 40):
        dispatcher.note_timer(clock.now() + timedelta(seconds=seconds))

    assert dispatcher._bell.heard == ["nudge"]
    assert dispatcher._timer_at < clock.monotonic() + 31
