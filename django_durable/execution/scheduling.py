"""From schedules to workflows: on time, by hand, and for the past."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from django_durable import clock, conf, serialization
from django_durable.definitions import registry, schedules
from django_durable.definitions.options import StartOptions
from django_durable.definitions.schedules import MOMENT, ScheduleDefinition
from django_durable.execution.starting import build_row, load_inputs
from django_durable.execution.watching import remember_touch
from django_durable.models import Schedule, Tick, Workflow, faults
from django_durable.models.scheduling import (
    Declaration,
    Declared,
    ScheduleQuerySet,
)

logger = logging.getLogger("django_durable")

# A backfill starts so many workflows at most.
MOST_BACKFILLED = 100

Found = tuple[str, bool]


def declaration_of(declared: ScheduleDefinition) -> Declaration:
    """Return what is stored of a schedule; raises SerializationError."""
    return Declaration(
        name=declared.name,
        workflow_name=declared.workflow.name,
        cron=declared.cron,
        time_zone=declared.time_zone or settings.TIME_ZONE,
        overlap=declared.overlap,
        catch_up=declared.catch_up,
        queue_name=_queue_name(declared),
        inputs=serialization.dumps([*declared.args, dict(declared.kwargs)], "inputs"),
        takes_moment=declared.takes_moment,
    )


def declare(
    using: str,
    declared: Collection[ScheduleDefinition],
    *,
    now: datetime | None = None,
) -> Declared:
    """Store what code declares; see ScheduleQuerySet.declare()."""
    if not declared:
        return Declared([], [])
    rows = Schedule.objects.using(using)
    return rows.declare([declaration_of(each) for each in declared], now=now)


def fire(using: str, declared: ScheduleDefinition) -> bool:
    """Start what a schedule has come to, if it is due; return whether it was.

    All of it is one transaction: its ticks, their workflows, and when it is due
    next. Of several processes one does it. A schedule that newer code has given
    to another workflow is left to that code.
    """
    now = clock.now()
    with Schedule.objects.using(using).locked_if_due(declared.name, now) as row:
        if row is None or row.workflow_name != declared.workflow.name:
            return False
        turn = row.turn(now)
        if not turn.ticks or turn.ticks[0] > row.next_at:
            _tell(row, "Schedule %s missed what was due at %s", row, row.next_at)
        started, skipped = _take_turn(row, turn.ticks)
        row.move_on(turn.next_at, started=started, skipped=skipped)
    return True


def know(name: str) -> None:
    """Store a schedule that this process declares, where no worker has done so."""
    _known(conf.current().database, name)


def run_by_hand(name: str) -> Found:
    """Start a schedule's workflow now; raises ScheduleNotFound.

    It locks nothing that would keep the next tick waiting.
    """
    using = conf.current().database
    rows = _known(using, name)

    def run() -> Found:
        with rows.transaction():
            row = rows.named(name)
            moment = _free_moment(row)
            workflow = _workflow(row, moment, Tick.Kind.HAND)
            if not Workflow.objects.using(using).enqueue([workflow]):
                workflow.pk = _another_id(workflow.pk)
                Workflow.objects.using(using).enqueue([workflow])
            ticks = Tick.objects.using(using)
            ticks.insert_new([_tick(row, moment, Tick.Kind.HAND, workflow.pk)])
            _tell_of_start(row, workflow)
        return workflow.pk, True

    return faults.retry_conflicts(using, run)


def backfill(name: str, start: datetime, end: datetime) -> list[Found]:
    """Start what a schedule would have started in the past, and has not.

    Raises ScheduleNotFound, ValueError.
    """
    using = conf.current().database
    if end > clock.now():
        raise ValueError(f"A backfill is for the past: end must not be {end}.")
    rows = _known(using, name)

    def run() -> list[Found]:
        with rows.transaction():
            row = rows.named(name)
            moments = _past_of(row, start, end)
            Tick.objects.using(using).make_up_for(name, moments)
            return _start(row, moments, Tick.Kind.BACKFILL)

    return faults.retry_conflicts(using, run)


def _past_of(row: Schedule, start: datetime, end: datetime) -> list[datetime]:
    moments = list(islice(row.timetable.between(start, end), MOST_BACKFILLED + 1))
    if len(moments) > MOST_BACKFILLED:
        raise ValueError(
            f"Schedule {row.name!r} has more than {MOST_BACKFILLED} ticks from {start}"
            f" to {end}, which is the most that one backfill starts: go on from"
            f" {moments[-1]} with the next one."
        )
    return moments


def _known(using: str, name: str) -> ScheduleQuerySet:
    """Return the stored schedules; one that this process declares is among them."""
    rows = Schedule.objects.using(using)
    declared = schedules.find(name)
    if declared is not None and not rows.filter(pk=name).exists():
        declare(using, [declared])
    return rows


def _take_turn(row: Schedule, ticks: Sequence[datetime]) -> tuple[int, int]:
    """Start or skip ticks; return how many of each there were."""
    rows = Tick.objects.using(row._state.db)
    rows.mark_over(row.name)
    starts, skips = list(ticks), list[datetime]()
    if row.overlap == Schedule.Overlap.SKIP:
        first = 0 if rows.has_active(row.name) else 1
        starts, skips = starts[:first], starts[first:]
    started = len(_start(row, starts, Tick.Kind.DUE))
    return started, _skip(row, skips)


def _skip(row: Schedule, moments: Sequence[datetime]) -> int:
    if not moments:
        return 0
    rows, now = Tick.objects.using(row._state.db), clock.now()
    new = rows.insert_new(
        [Tick(schedule=row, scheduled_at=at, created_at=now) for at in moments]
    )
    rows.trim(row.name)
    for at in sorted(new):
        _tell(row, "Schedule %s skipped %s: the last one still runs", row, at)
    return len(new)


def _start(row: Schedule, moments: Sequence[datetime], kind: Tick.Kind) -> list[Found]:
    """Insert ticks, and start the workflows of those that are new."""
    if not moments:
        return []
    workflows = {at: _workflow(row, at, kind) for at in moments}
    ticks = [_tick(row, at, kind, each.pk) for at, each in workflows.items()]
    new = Tick.objects.using(row._state.db).insert_new(ticks)
    return _enqueue(row, {at: each for at, each in workflows.items() if at in new})


def _tick(row: Schedule, at: datetime, kind: Tick.Kind, workflow_id: str) -> Tick:
    return Tick(
        schedule=row,
        scheduled_at=at,
        kind=kind,
        workflow_id=workflow_id,
        created_at=clock.now(),
    )


def _enqueue(row: Schedule, workflows: Mapping[datetime, Workflow]) -> list[Found]:
    """Start workflows by their ticks; one whose id somebody has taken gets another.

    One of the same name is what somebody else has started for that tick.
    """
    if not workflows:
        return []
    using = row._state.db or ""
    rows, ticks = Workflow.objects.using(using), Tick.objects.using(using)
    created = rows.enqueue(list(workflows.values()))
    for moment, workflow in workflows.items():
        if workflow.pk in created:
            continue
        if rows.filter(pk=workflow.pk, name=workflow.name).exists():
            continue
        workflow.pk = _another_id(workflow.pk)
        created |= rows.enqueue([workflow])
        own = ticks.filter(schedule=row, scheduled_at=moment)
        own.exclude(kind=Tick.Kind.HAND).update(workflow=workflow.pk)
    for workflow in workflows.values():
        _tell_of_start(row, workflow)
    return [(each.pk, each.pk in created) for each in workflows.values()]


def _another_id(taken: str) -> str:
    return f"{taken}~{uuid4().hex[:8]}"


def _tell_of_start(row: Schedule, workflow: Workflow) -> None:
    remember_touch(row._state.db or "", workflow.pk)
    _tell(row, "Schedule %s started workflow %s", row, workflow.pk)


def _tell(row: Schedule, text: str, *facts: object) -> None:
    """Log it, once it is true."""
    transaction.on_commit(
        lambda: logger.info(text, *facts), using=row._state.db, robust=True
    )


def _workflow(row: Schedule, moment: datetime, kind: Tick.Kind) -> Workflow:
    """Build the row of the workflow of one tick, with the code at hand if any."""
    workflow_id = f"{row.name}@{_stamp(moment, kind)}"
    declared = schedules.find(row.name)
    args: Sequence[Any]
    if declared is not None and declared.workflow.name == row.workflow_name:
        options = declared.options(workflow_id)
        args, kwargs = declared.args, dict(declared.kwargs)
        takes_moment = declared.takes_moment
    else:
        options = StartOptions(workflow_id=workflow_id, queue_name=row.queue_name)
        args, kwargs = load_inputs(row.inputs)
        takes_moment = row.takes_moment
    if takes_moment:
        kwargs[MOMENT] = moment.astimezone(row.timetable.zone)
    definition = registry.find(row.workflow_name)
    return build_row(row.workflow_name, definition, options, args, kwargs)


def _stamp(moment: datetime, kind: Tick.Kind) -> str:
    """Write a moment in UTC; of what is done by hand as no tick is written."""
    precision = "microseconds" if kind == Tick.Kind.HAND else "seconds"
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision)
    return f"{text}Z"


def _free_moment(row: Schedule) -> datetime:
    """Return the present moment, later than all that was started by hand before."""
    now = clock.now()
    ahead = row.ticks.filter(kind=Tick.Kind.HAND, scheduled_at__gte=now)
    last = ahead.aggregate(at=Max("scheduled_at"))["at"]
    return now if last is None else last + timedelta.resolution


def _queue_name(declared: ScheduleDefinition) -> str:
    given = declared.queue_name or declared.workflow.options.queue_name
    return given or declared.workflow.queue_name
