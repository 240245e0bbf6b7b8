"""What people ask: the console, and whoever lists workflows."""

from django_durable import clock
from django_durable.admin import prospects
from django_durable.admin.figures.overview import Overview
from django_durable.admin.schedules import acting
from django_durable.admin.schedules.ticks import last_ticks
from django_durable.bulk.narrowing import narrow
from django_durable.models import Schedule, Workflow
from tests.models import Entry
from tests.plans.operation import (
    ENDED,
    HELD_BY,
    NEWEST,
    PAUSED,
    READY,
    SMALL,
    Operation,
)
from tests.plans.rows import QUEUED
from tests.plans.schedules import RECENT, SCHEDULE

workflows = Workflow.objects

PEOPLE = {
    "for_subject": Operation(
        lambda: list(workflows.all().for_subject(Entry(pk=5))),
        "durable_workflow_subject",
    ),
    "newest": Operation(
        lambda: list(workflows.order_by("-created_at")[:50]), NEWEST, walks=NEWEST
    ),
}
# What the console counts stops at a cap, which may be many blocks.
CAPPED = 120_000
HUMAN = "durable_wait_human"
OF_SCHEDULE = {"schedule": SCHEDULE, "window": "all", "level": "all"}
NO_DATA = {"with_data": False}
CONSOLE = {
    "console, load": Operation(
        lambda: Overview("default").load, READY, CAPPED, walks=f"{HELD_BY} {PAUSED}"
    ),
    "console, totals": Operation(
        lambda: Overview("default").totals,
        ENDED,
        CAPPED,
        walks=f"{SMALL} {PAUSED} {HELD_BY} durable_workflow_wake"
        f" durable_workflow_paused {HUMAN} {READY}",
    ),
    "console, finished": Operation(lambda: Overview("default").finished, ENDED, CAPPED),
    "console, failures": Operation(
        lambda: Overview("default", workflows.all()).failures, ENDED, 120
    ),
    "console, holds": Operation(
        lambda: prospects.mark(workflows.filter(pk=QUEUED)),
        HELD_BY,
        CAPPED,
        walks=f"{SMALL} {PAUSED} {HELD_BY}",
    ),
    "console, ticks": Operation(
        lambda: last_ticks("default", ["schedule-4", "schedule-5"], 10), RECENT, 120
    ),
    "console, last by hand": Operation(
        lambda: acting.last_by_hand(Schedule(name=SCHEDULE), clock.now()), RECENT
    ),
    "console, of a schedule": Operation(
        lambda: list(narrow(workflows.all(), OF_SCHEDULE, now=clock.now(), **NO_DATA)),
        RECENT,
        9000,
    ),
    "console, requests": Operation(
        lambda: Overview("default", workflows.all()).requests, HUMAN, walks=HUMAN
    ),
}
