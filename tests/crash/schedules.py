"""The experiments with schedules: what workers fire, and what people do to them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django_durable.definitions.schedules import ScheduleDefinition
from django_durable.execution import scheduling
from django_durable.models import Schedule, Tick, Workflow
from tests.crash import definitions
from tests.crash.crasher import USING
from tests.crash.driver import Driver
from tests.crash.ledger import ledger
from tests.crash.operations import unseen
from tests.crash.programs import Program, Script

HOUR = timedelta(hours=1)
# The clock begins at midnight.
FIRST, SECOND = "s@2030-01-01T01:00:00Z", "s@2030-01-01T02:00:00Z"
BY_HAND = "s@2030-01-01T00:00:00.000000Z"


def hourly(overlap: str) -> ScheduleDefinition:
    """Return what code declares that no other test sees."""
    return ScheduleDefinition(
        name="s",
        workflow=definitions.transactions,
        cron="0 * * * *",
        time_zone="UTC",
        args=(),
        kwargs={},
        queue_name=None,
        overlap=overlap,
        catch_up="one",
        takes_moment=False,
    )


def halves() -> list[str]:
    """Say what was done by half."""
    ticks = list(Tick.objects.all())
    rows = set(Workflow.objects.values_list("pk", flat=True))
    started = {tick.workflow_id for tick in ticks if not tick.is_skipped}
    problems = [f"{pk} has no workflow" for pk in started - rows]
    problems += [f"{pk} has no tick" for pk in rows - started]
    for schedule in Schedule.objects.all():
        if schedule.skipped != sum(tick.is_skipped for tick in ticks):
            problems.append(f"{schedule.skipped} are said to be skipped")
        if (schedule.paused_at is None) != (schedule.pause_reason == ""):
            problems.append("it is half paused")
        times = [tick.scheduled_at for tick in ticks if tick.kind == Tick.Kind.DUE]
        if times and schedule.next_at != max(times) + HOUR:
            problems.append(f"its next one is at {schedule.next_at}")
    return problems


def script_of(act: Callable[[Driver], object]) -> Script:
    """Return a script: what is done with a schedule, and what comes of it."""

    def script(driver: Driver) -> None:
        ledger.facts["started"] = True
        with unseen():
            ledger.problems += halves()
        act(driver)
        with unseen():
            driver.settle()

    return script


def two_ticks(driver: Driver) -> None:
    """Fire at one and at two o'clock, as each worker does that starts."""
    declared = hourly("allow")
    scheduling.declare(USING, [declared])
    start = driver.clock.now().replace(hour=0, minute=0)
    for hour in (1, 2):
        driver.clock.move_to(start + hour * HOUR)
        scheduling.fire(USING, declared)


def skipped_tick(driver: Driver) -> None:
    """Let a tick come while what was started by hand has not ended."""
    declared = hourly("skip")
    with unseen():
        scheduling.declare(USING, [declared])
        if not Tick.objects.exists():
            scheduling.run_by_hand("s")
    start = driver.clock.now().replace(hour=0, minute=0)
    for hour in (1, 2):
        driver.clock.move_to(start + hour * HOUR)
        scheduling.fire(USING, declared)


def backfill(driver: Driver) -> None:
    """Make up for two hours; whoever got no answer does it again."""
    with unseen():
        driver.clock.move_to(driver.clock.now().replace(hour=2, minute=30))
    scheduling.declare(USING, [hourly("allow")])
    start = driver.clock.now().replace(hour=0, minute=30)
    scheduling.backfill("s", start, start + 2 * HOUR)


def run_by_hand(driver: Driver) -> None:
    """Start one now; whoever got no answer looks whether it is there."""
    scheduling.declare(USING, [hourly("allow")])
    with unseen():
        is_there = Tick.objects.exists()
    if not is_there:
        scheduling.run_by_hand("s")


def pause_and_resume(driver: Driver) -> None:
    """Pause, let a tick pass, and resume."""
    declared = hourly("allow")
    with unseen():
        scheduling.declare(USING, [declared])
    Schedule.objects.pause("s", "moving", "ana")
    with unseen():
        driver.clock.move_to(driver.clock.now().replace(hour=1, minute=30))
        if scheduling.fire(USING, declared):
            ledger.problems.append("it was fired while it was paused")
    Schedule.objects.resume("s")


def program(act: Callable[[Driver], object], *ids: str) -> Program:
    """Write a program that has started these workflows in the end."""
    outcomes: dict[str, tuple[str, Any]] = dict.fromkeys(ids, ("SUCCESS", "onetwo"))
    entries = sorted(["one", "two"] * len(ids))
    script, name = script_of(act), act.__name__.replace("_", " ")
    return Program(name, script, outcomes, again=script, entries=entries)


SCHEDULES = [
    program(two_ticks, FIRST, SECOND),
    program(skipped_tick, BY_HAND),
    program(backfill, FIRST, SECOND),
    program(run_by_hand, BY_HAND),
    program(pause_and_resume),
]


def schedule(name: str) -> Program:
    """Return one of them."""
    return next(each for each in SCHEDULES if each.name == name)
