"""A clock that stands still until the test moves it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django_durable import clock, conf, durations
from django_durable.durations import Seconds
from django_durable.models import Queue, Workflow
from django_durable.testing.idle import run_until_idle
from django_durable.testing.schedules import firing, next_due


class VirtualTime:
    """The time of a test. Made by ``virtual_time()``."""

    def __init__(self, start: datetime) -> None:
        self._moment = start

    def __repr__(self) -> str:
        return f"<VirtualTime {self._moment:%Y-%m-%d %H:%M:%S%z}>"

    def now(self) -> datetime:
        """Return the moment at which the clock stands, in UTC."""
        return self._moment

    def advance(self, by: Seconds = 0, /, **units: float) -> datetime:
        """Move the clock and return where it stands then; nothing is executed.

        ``by`` is seconds or a timedelta; ``units`` are those of timedelta:
        ``advance(days=3, hours=1)``. Raises ValueError for a step back.
        """
        self._moment += _step(by, units)
        return self._moment

    def run_for(self, by: Seconds = 0, /, **units: float) -> int:
        """Live through a stretch of time; return how many executions there were.

        Arguments as for ``advance()``. The clock goes from one due moment to
        the next, and whatever is due is run until idle at each.
        """
        end = self._moment + _step(by, units)
        executed = run_until_idle()
        while (due := self._next_due()) is not None and self._moment < due <= end:
            self._moment = due
            executed += run_until_idle()
        self._moment = end
        return executed

    def move_to(self, moment: datetime) -> None:
        """Put the clock anywhere, backwards too: for the next run of one test."""
        self._moment = moment

    def _next_due(self) -> datetime | None:
        using = conf.current().database
        found = [Workflow.objects.using(using).next_due(), next_due(using)]
        for usage in Queue.objects.using(using).usage(self._moment):
            if not usage.starts:  # The rate of a queue is used up.
                found.append(usage.free_at(self._moment))
        return min((due for due in found if due is not None), default=None)


def _step(by: Seconds, units: dict[str, float]) -> timedelta:
    step = timedelta(seconds=durations.seconds(by, "by")) + timedelta(**units)
    if step < timedelta():
        raise ValueError(f"Time does not run backwards: {step}.")
    return step


@contextmanager
def virtual_time(
    start: datetime | None = None, *, schedules: bool | Collection[str] = False
) -> Iterator[VirtualTime]:
    """Stop the clock of django_durable for a block; only ``advance()`` moves it.

    Timers, deadlines, the delays of retries and ``run_after`` follow it, and so
    do ``durable.now()`` and the stored timestamps. ``start`` is an aware
    datetime, by default the present moment. Leases keep to the database's
    clock, and Django's ``timezone.now()`` to the machine's. The declared
    ``schedules`` of these names, or all for True, fire when their moment has come
    and ``run_until_idle()`` or ``run_for()`` is called.
    """
    start = clock.now() if start is None else durations.moment(start, "start")
    time = VirtualTime(start.astimezone(UTC))
    with clock.replaced_by(time), firing(schedules):
        yield time
