"""What belongs to a workflow, model by model."""

from django_durable.models import (
    Attempt,
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
    Wait,
)

OWNED = (Attempt, Event, EventHistory, Notification, Step, Stream, StreamEntry, Wait)


def owner_of(model):
    """Return the field by which a row belongs to its workflow."""
    return "destination" if model is Notification else "workflow"
