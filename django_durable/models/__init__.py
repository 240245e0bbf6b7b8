"""What is stored."""

from django_durable.models.attempt import Attempt
from django_durable.models.event import Event, EventHistory
from django_durable.models.notification import Notification
from django_durable.models.queue import Queue, QueueStart
from django_durable.models.schedule import Schedule
from django_durable.models.step import Step
from django_durable.models.stream import Stream, StreamEntry
from django_durable.models.tick import Tick
from django_durable.models.wait import Wait
from django_durable.models.worker import Worker
from django_durable.models.workflow import Workflow

__all__ = [
    "Attempt",
    "Event",
    "EventHistory",
    "Notification",
    "Queue",
    "QueueStart",
    "Schedule",
    "Step",
    "Stream",
    "StreamEntry",
    "Tick",
    "Wait",
    "Worker",
    "Workflow",
]
