"""Bugs in what becomes of the ticks of schedules."""

from contextlib import contextmanager
from datetime import UTC
from itertools import islice
from types import SimpleNamespace

from cronsim import CronSim
from django.db import transaction

from django_durable import clock
from django_durable.cron import Timetable
from django_durable.execution import scheduling
from django_durable.models import Schedule
from django_durable.models.schedule import MOST_AT_ONCE, Turn
from django_durable.models.scheduling import ScheduleQuerySet
from django_durable.models.tick import TickQuerySet
from tests.planted.planting import bug


@bug(TickQuerySet, "insert_new")
def tick_without_a_unique_key(real):
    """Take a tick for new although it has come before."""

    def insert_new(self, ticks):
        moments = [tick.scheduled_at for tick in ticks]
        self.filter(schedule=ticks[0].schedule_id, scheduled_at__in=moments).delete()
        return real(self, ticks)

    return insert_new


@bug(scheduling, "_take_turn")
def tick_moved_on_by_itself(real):
    """Commit when a schedule is due next before what is due now has begun."""

    def take_turn(row, ticks):
        turn = row.turn(clock.now())
        row.move_on(turn.next_at, started=0, skipped=0)
        connection = transaction.get_connection(row._state.db)
        connection._commit()
        return real(row, ticks)

    return take_turn


@bug(ScheduleQuerySet, "locked_if_due")
def tick_without_a_lock(real):
    """Look whether a schedule is due, and lock nothing."""

    @contextmanager
    def locked_if_due(self, name, now):
        with transaction.atomic(using=self.db):
            yield self.due(now).filter(pk=name).first()

    return locked_if_due


@bug(ScheduleQuerySet, "_resume")
def pause_that_is_made_up_for(real):
    """Go on where the schedule stood when it was paused."""

    def resume(self, name):
        return bool(self.filter(pk=name).update(paused_at=None, pause_reason=""))

    return resume


@bug(TickQuerySet, "has_active")
def overlap_that_nobody_sees(real):
    """Start whatever is due, however long the last one takes."""
    return lambda self, schedule: False


@bug(Schedule, "turn")
def all_that_was_missed(real):
    """Make up for everything, whatever the policy says."""

    def turn(self, now):
        return Turn(
            list(self.timetable.between(self.next_at, now)),
            self.timetable.next_after(now),
        )

    return turn


@bug(Schedule, "turn")
def missed_beyond_the_first_batch(real):
    """Go on after now, although more was missed than one look makes up for."""

    def turn(self, now):
        ticks = islice(self.timetable.between(self.next_at, now), MOST_AT_ONCE)
        return Turn(list(ticks), self.timetable.next_after(now))

    return turn


@bug(ScheduleQuerySet, "_declare")
def change_that_counts_anew(real):
    """Count the next tick from now, whatever was changed in the code."""

    def declare(self, declared, now):
        is_stored = real(self, declared, now)
        row = self.get(pk=declared.name)
        self.filter(pk=row.pk).update(next_at=row.timetable.next_after(now))
        return is_stored

    return declare


@bug(Timetable, "after")
def expression_in_universal_time(real):
    """Read the expression without its time zone."""

    def after(self, moment):
        yield from CronSim(self._expression, moment.astimezone(UTC))

    return after


@bug(scheduling, "_enqueue")
def tick_that_takes_whatever_has_its_id(real):
    """Be content with any workflow that has the id of the tick."""

    def enqueue(row, workflows):
        found = list(workflows.values())
        created = scheduling.Workflow.objects.using(row._state.db).enqueue(found)
        return [(each.pk, each.pk in created) for each in found]

    return enqueue


@bug(scheduling, "fire")
def old_code_that_fires_what_newer_code_declares(real):
    """Start the workflow that the schedule had before the deploy."""

    def fire(using, declared):
        rows = Schedule.objects.using(using).filter(pk=declared.name)
        name = rows.values_list("workflow_name", flat=True).get()
        workflow = SimpleNamespace(name=name)
        return real(using, SimpleNamespace(name=declared.name, workflow=workflow))

    return fire
