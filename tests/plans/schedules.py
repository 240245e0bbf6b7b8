"""What is asked of schedules: by workers at each tick, and by people."""

from datetime import timedelta

from django_durable import clock
from django_durable.models import Schedule, Tick, Workflow
from django_durable.models.scheduling import Declaration
from tests.plans.operation import Operation
from tests.plans.rows import DONE

SCHEDULE, RECENT = "schedule-5", "durable_tick_recent"
# What is undone here stays in the way of whoever reads the latest ticks after it.
ANOTHER = "schedule-500"
# As many as there are in a project: a few.
FEW = "django_durable_schedule sqlite_autoindex_django_durable_schedule_1"

schedules, ticks = Schedule.objects, Tick.objects


def declaration(name: str) -> Declaration:
    """Return what the row of a schedule holds already."""
    return Declaration(
        name=name,
        workflow_name="orders.checkout",
        cron="* * * * *",
        time_zone="UTC",
        overlap="skip",
        catch_up="one",
        queue_name="default",
        inputs="json:[{}]",
        takes_moment=False,
    )


def take_turn() -> None:
    """Look whether one is due, as each worker does at each tick."""
    with schedules.locked_if_due(SCHEDULE, clock.now()):
        pass


def new_ticks(number: int) -> list[Tick]:
    """Build ticks of a time that has none yet."""
    moments = [clock.now() + timedelta(seconds=n) for n in range(number)]
    return [
        Tick(schedule_id=ANOTHER, scheduled_at=at, workflow_id=DONE, created_at=at)
        for at in moments
    ]


SCHEDULES = {
    "declare": Operation(lambda: schedules.declare([declaration(SCHEDULE)])),
    "next_ticks": Operation(lambda: schedules.next_ticks([SCHEDULE])),
    "locked_if_due": Operation(take_turn),
    "insert_new": Operation(lambda: ticks.insert_new(new_ticks(1))),
    "insert_new, many": Operation(
        lambda: ticks.insert_new(new_ticks(100)), blocks=2000
    ),
    "mark_over": Operation(
        lambda: ticks.mark_over(SCHEDULE), "durable_tick_open", 3000
    ),
    "has_active": Operation(
        lambda: ticks.has_active(SCHEDULE), "durable_tick_open", 3000
    ),
    "make_up_for": Operation(
        lambda: ticks.make_up_for(SCHEDULE, [clock.now()]), "durable_tick_skipped"
    ),
    "trim": Operation(lambda: ticks.trim(SCHEDULE), "durable_tick_skipped", 1500),
    "for_schedule": Operation(
        lambda: list(Workflow.objects.for_schedule(SCHEDULE).order_by("-ticks")[:10]),
        blocks=9000,
    ),
    "for_schedule, of one": Operation(
        lambda: Workflow.objects.for_schedule(SCHEDULE).filter(pk=DONE).exists(),
        "durable_tick_workflow",
    ),
    "with_last": Operation(
        lambda: list(schedules.with_last().order_by("name")[:20]), RECENT, 400, FEW
    ),
}
