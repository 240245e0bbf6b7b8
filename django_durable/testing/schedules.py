"""Schedules in tests: they fire only where a test asks for it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from django_durable import clock, conf
from django_durable.definitions import schedules
from django_durable.definitions.context import has_running_loop
from django_durable.definitions.schedules import ScheduleDefinition
from django_durable.exceptions import ScheduleNotFound
from django_durable.execution import scheduling
from django_durable.models import Schedule
from django_durable.suggestions import unknown_names

_firing: list[ScheduleDefinition] = []
# When those that are not stored yet were chosen.
_chosen_at: list[datetime] = []


@contextmanager
def firing(chosen: bool | Collection[str]) -> Iterator[None]:
    """Let some of the declared schedules fire for a block, or all of them.

    Each has its first tick after the present moment, unless its row is there.
    """
    before, moments = list(_firing), list(_chosen_at)
    _firing[:], _chosen_at[:] = _chosen(chosen), [clock.now()]
    try:
        if not has_running_loop():
            _declare(conf.current().database)
        yield
    finally:
        _firing[:], _chosen_at[:] = before, moments


def fire_due(using: str) -> None:
    """Start what has come, as a worker does."""
    _declare(using)
    for declared in _firing:
        while scheduling.fire(using, declared):
            pass


def next_due(using: str) -> datetime | None:
    """Return when the first one is due that has not come yet."""
    if not _firing:
        return None
    _declare(using)
    now, names = clock.now(), [declared.name for declared in _firing]
    found = Schedule.objects.using(using).next_ticks(names)
    return next((next_at for *_, next_at in found if next_at > now), None)


def _declare(using: str) -> None:
    """Store them, as of when they were chosen: an async test cannot do it then."""
    while _firing and _chosen_at:
        scheduling.declare(using, _firing, now=_chosen_at.pop())


def _chosen(chosen: bool | Collection[str]) -> list[ScheduleDefinition]:
    if isinstance(chosen, bool):
        return schedules.all_schedules() if chosen else []
    if isinstance(chosen, str):
        chosen = (chosen,)
    known = {each.name: each for each in schedules.all_schedules()}
    for name in chosen:
        if name not in known:
            said = unknown_names("schedule", name, known).rstrip("?")
            raise ScheduleNotFound(name, f"{said[0].upper()}{said[1:]}.")
    return [known[name] for name in chosen]
