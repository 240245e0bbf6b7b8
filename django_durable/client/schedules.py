"""What outside code may do with schedules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async

from django_durable import conf, durations
from django_durable.definitions.context import body_frame, refuse_running_loop
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle, handle_for
from django_durable.models import Schedule
from django_durable.names import check_schedule_name


def pause_schedule(name: str, reason: str = "") -> bool:
    """Have a schedule start nothing by itself; return whether it took.

    False when it was paused already. What it has started goes on. Raises
    ScheduleNotFound.
    """
    refuse_running_loop("pause_schedule", "apause_schedule")
    engine().know_schedule(check_schedule_name(name))
    return Schedule.objects.using(conf.current().database).pause(name, reason)


async def apause_schedule(name: str, reason: str = "") -> bool:
    """See pause_schedule()."""
    return await sync_to_async(pause_schedule)(name, reason)


def resume_schedule(name: str) -> bool:
    """Let a schedule go on with its next tick; return whether it took.

    What would have come during the pause is not made up for. False when it was
    not paused. Raises ScheduleNotFound.
    """
    refuse_running_loop("resume_schedule", "aresume_schedule")
    engine().know_schedule(check_schedule_name(name))
    return Schedule.objects.using(conf.current().database).resume(name)


async def aresume_schedule(name: str) -> bool:
    """See resume_schedule()."""
    return await sync_to_async(resume_schedule)(name)


def run_schedule(name: str) -> WorkflowHandle[Any]:
    """Start a schedule's workflow now, also while it is paused; return its handle.

    Inside ``atomic()`` it belongs to that transaction. In a workflow it takes a
    step. Raises ScheduleNotFound, and what a start raises.
    """
    refuse_running_loop("run_schedule", "arun_schedule")
    _refuse_body("run_schedule")
    return handle_for(engine().run_schedule(check_schedule_name(name)))


async def arun_schedule(name: str) -> WorkflowHandle[Any]:
    """See run_schedule()."""
    return await sync_to_async(run_schedule)(name)


def backfill_schedule(
    name: str, start: datetime, end: datetime
) -> list[WorkflowHandle[Any]]:
    """Start what a schedule would have started in the past; return the handles.

    For its ticks from ``start`` to ``end``, both included, all or none. What it
    has started before is not repeated, as long as that workflow is there; ticks
    that were skipped are made up for. In a workflow it takes a step. Raises
    ValueError for more than a hundred of them and for an end that is still to
    come, ScheduleNotFound, and what a start raises.
    """
    refuse_running_loop("backfill_schedule", "abackfill_schedule")
    _refuse_body("backfill_schedule")
    check_schedule_name(name)
    _check_moment(start, "start")
    _check_moment(end, "end")
    if end < start:
        raise ValueError(f"end must not be before start: {end} < {start}.")
    return [handle_for(each) for each in engine().backfill_schedule(name, start, end)]


async def abackfill_schedule(
    name: str, start: datetime, end: datetime
) -> list[WorkflowHandle[Any]]:
    """See backfill_schedule()."""
    return await sync_to_async(backfill_schedule)(name, start, end)


def _refuse_body(call: str) -> None:
    """Raise RuntimeError in the body of a workflow, whose replays would call again."""
    if body_frame() is not None:
        raise RuntimeError(
            f"{call}() in a workflow's body would start more at each replay: call it"
            " in a step."
        )


def _check_moment(value: object, what: str) -> None:
    moment = durations.moment(value, what)
    try:
        # Zones are at most a day from each other.
        (moment - timedelta(days=2)).astimezone(UTC)
        (moment + timedelta(days=2)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{what} must not be at the end of the calendar.") from None
