"""What goes on behind the counter: parcels, reports, rooms and new versions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import django_durable as durable
from example_project.climate.workflows import watch_room, workflow_id_of as room_id
from example_project.deployments.workflows import (
    answer_to,
    deploy,
    workflow_id_of as deployment_id,
)
from example_project.packing.workflows import pack_parcels
from example_project.reports.workflows import write_sales_report
from example_project.seed.timeline import Timeline

ROOMS = ("cellar", "counter", "store")
# What became of each version, newest last: the answers at its gates.
VERSIONS = {
    "2026.11.1": ("approve", "works"),
    "2026.11.2": ("withdraw",),
    "2026.11.3": ("approve", "fails"),
    "2026.11.4": ("approve", "works"),
    "2026.11.5": ("approve",),
    "2026.11.6": (),
}


def plan(timeline: Timeline, begin: datetime) -> None:
    """Plan a week behind the counter."""
    days = [begin + timedelta(days=day) for day in range((timeline.end - begin).days)]
    for number, day in enumerate(days, 1):
        timeline.at(day + timedelta(hours=8), partial(pack, timeline, number))
        timeline.at(day + timedelta(hours=20), partial(report, number))
    for days_ago, (version, answers) in zip(_ages(), VERSIONS.items(), strict=True):
        moment = timeline.end - timedelta(days=days_ago)
        timeline.at(moment, partial(install, timeline, version, answers))
    for room in ROOMS:
        moment = timeline.end - timeline.some(minutes=90)
        timeline.at(moment, partial(watch, timeline, room))


def _ages() -> Iterator[float]:
    yield from (6, 5, 3, 2, 0.05, 0.02)


def pack(timeline: Timeline, number: int) -> None:
    """Let the parcels of a day be packed by several."""
    count = timeline.chance.randint(6, 12)
    parcels = [f"parcel {number}-{each}" for each in range(1, count + 1)]
    pack_parcels.using(
        workflow_id=f"packing-{number}",
        queue_name="packing",
        attributes={"parcels": count},
    ).start(parcels, packers=timeline.chance.randint(2, 4))


def report(number: int) -> None:
    """Let the sales of a day be counted."""
    write_sales_report.using(
        workflow_id=f"report-{number}", queue_name="reports", priority=-10
    ).start()


def install(timeline: Timeline, version: str, answers: tuple[str, ...]) -> None:
    """Let a version go through its gates."""
    pk = deployment_id(version)
    deploy.using(workflow_id=pk, queue_name="office").start(version)
    for hours, answer in enumerate(answers, 1):
        topic, message = answer_to(answer, "The kettle page is blank.")
        timeline.after(
            timedelta(minutes=25 * hours), partial(durable.send, pk, message, topic)
        )


def watch(timeline: Timeline, room: str) -> None:
    """Let the sensors of a room report."""
    pk = room_id(room)
    watch_room.using(workflow_id=pk, queue_name="climate").start(room)
    for minutes in range(10, 90, 10):
        celsius = round(timeline.chance.gauss(23.5, 1.5), 1)
        reading: dict[str, Any] = {"type": "data", "celsius": celsius}
        timeline.after(timedelta(minutes=minutes), partial(durable.send, pk, reading))
