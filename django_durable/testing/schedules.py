"""Schedules in tests: they fire only where a test asks for it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from django_durable import conf
from django_durable.definitions import schedules
from django_durable.definitions.schedules import ScheduleDefinition
from django_durable.exceptions import ScheduleNotFound
from django_durable.execution import scheduling
from django_durable.models import Schedule
from django_durable.suggestions import unknown_names

_firing: list[ScheduleDefinition] = []


@contextmanager
def firing(chosen: bool | Collection[str]) -> Iterator[None]:
    """Let some of the declared schedules fire for a block, or all of them.

    Each has its first tick after the present moment, unless its row is there.
    """
    found = _chosen(chosen)
    scheduling.declare(conf.current().database, found)
    before = list(_firing)
    _firing[:] = found
    try:
        yield
    finally:
        _firing[:] = before


def fire_due(using: str) -> None:
    """Start what has come, as a worker does."""
    for declared in _firing:
        while scheduling.fire(using, declared):
            pass


def next_due(using: str) -> datetime | None:
    """Return when the first one is due."""
    names = [declared.name for declared in _firing]
    found = Schedule.objects.using(using).next_ticks(names) if names else []
    return found[0][-1] if found else None


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
