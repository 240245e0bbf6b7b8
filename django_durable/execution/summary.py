"""Storing what a workflow says of itself in one line.

It is no step. Where an earlier execution has come past, it has stored the line,
and perhaps newer ones: a replay stores nothing until it goes further than that.
"""

from django.db import connections

from django_durable.definitions.context import Frame
from django_durable.execution.drivers import Algorithm
from django_durable.execution.journal import Place
from django_durable.execution.outbox import outbox_of
from django_durable.execution.requests import Query
from django_durable.execution.state import State
from django_durable.models import Workflow


def set_summary(execution: State, frame: Frame, text: str) -> Algorithm:
    """Store the line of a body that is no replay, or of the inside of a step."""
    if frame.step is not None:
        yield from _set_inside(execution, frame, text)
        return
    execution.assure_staying()
    if not execution.journal.has_reached(Place(frame.branch, frame.steps + 1)):
        yield Query(lambda: _store(execution, text))


def _set_inside(execution: State, frame: Frame, text: str) -> Algorithm:
    execution.assure_wanted()
    blocks = connections[execution.host.using].atomic_blocks
    if frame.is_atomic:
        outbox_of(execution, frame, is_atomic=True).summary = text
    elif len(blocks) > execution.atomic_depth:
        _store(execution, text)  # As part of the transaction that is open here.
    else:
        yield Query(lambda: _store(execution, text))


def _store(execution: State, text: str) -> None:
    rows = Workflow.objects.using(execution.host.using)
    rows.summarize(execution.workflow_id, execution.claim, text)
