"""What the ``durable`` fixture gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django_durable import testing
from django_durable.durations import Seconds


class Tools:
    """The functions of ``django_durable.testing``, in one hand.

    ``time`` is the VirtualTime of the test.
    """

    assert_steps = staticmethod(testing.assert_steps)
    crash_everywhere = staticmethod(testing.crash_everywhere)
    run_until_idle = staticmethod(testing.run_until_idle)
    arun_until_idle = staticmethod(testing.arun_until_idle)
    fail_step = staticmethod(testing.fail_step)

    def __init__(self, time: testing.VirtualTime) -> None:
        self.time = time

    def advance(self, by: Seconds = 0, /, **units: float) -> datetime:
        """Move the clock: see ``VirtualTime.advance()``."""
        return self.time.advance(by, **units)

    def run_for(self, by: Seconds = 0, /, **units: float) -> int:
        """Live through a stretch of time: see ``VirtualTime.run_for()``."""
        return self.time.run_for(by, **units)


@contextmanager
def tools() -> Iterator[Tools]:
    """Make the tools of one test."""
    with testing.virtual_time() as time:
        yield Tools(time)
