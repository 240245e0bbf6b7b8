"""How a room is watched: one message after another, with pauses for maintenance."""

from datetime import timedelta

import django_durable as durable
from example_project.climate.models import Reading

MAINTENANCE_INTERVAL = timedelta(hours=1)
KEPT_READINGS = 10


@durable.workflow
def watch_room(room: str, limit: float = 25.0) -> int:
    """Record what the sensors of a room report; return how much it was."""
    recorded = 0
    durable.set_event("limit", limit)
    while True:
        message = durable.recv(timeout=MAINTENANCE_INTERVAL, default=None)
        if message is None:
            tidy_up(room)
        elif message["type"] == "data":
            record(room, message["celsius"], limit)
            recorded += 1
        elif message["type"] == "config_update":
            limit = message["limit"]
            durable.set_event("limit", limit)
        elif message["type"] == "shutdown":
            break
    tidy_up(room)
    return recorded


@durable.transaction
def record(room: str, celsius: float, limit: float) -> None:
    """Write a reading down."""
    Reading.objects.create(room=room, celsius=celsius, is_too_warm=celsius > limit)


@durable.transaction
def tidy_up(room: str) -> int:
    """Delete old readings, when there is nothing else to do."""
    return Reading.objects.keep_latest(room, KEPT_READINGS)


def workflow_id_of(room: str) -> str:
    """Return the id of the workflow that watches a room."""
    return f"climate-{room}"
