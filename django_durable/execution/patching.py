"""Patches: code that only workflows take which had not passed it before."""

from django_durable import clock
from django_durable.definitions.context import Frame
from django_durable.execution import news, records
from django_durable.execution.drivers import Algorithm
from django_durable.execution.journal import Place
from django_durable.execution.publishing import label
from django_durable.execution.requests import Query, Record
from django_durable.execution.state import State
from django_durable.models import Step, Workflow
from django_durable.models.checkpoint import Checkpoint

Kind = Step.Kind


def patch(execution: State, frame: Frame, name: str) -> Algorithm:
    """Tell whether this branch takes a patch; its first answer is for good.

    What is recorded at the next place decides: the patch's own marker, or another
    step, which an execution without the patch has left. Nothing there: the code
    comes here for the first time, and the marker takes the place.
    """
    execution.assure_staying()
    key = (frame.branch, name)
    if key not in execution.patches:
        execution.patches[key] = yield from _take(execution, frame, name)
    return execution.patches[key]


def deprecate(execution: State, frame: Frame, name: str) -> None:
    """Pass the marker of a patch where one was recorded."""
    execution.assure_staying()
    if _is_marker(execution.journal.steps.get(_next_place(frame)), name):
        _pass_marker(execution, frame, name)


def _take(execution: State, frame: Frame, name: str) -> Algorithm:
    place, steps = _next_place(frame), execution.journal.steps
    if place not in steps and not (yield from _has_begun(execution, place)):
        execution.recall(place, label("patch", name), Kind.PATCH)  # Nothing, as seen.
        steps[place] = yield from _mark(execution, place, name)
    if _is_marker(steps.get(place), name):
        _pass_marker(execution, frame, name)
        return True
    return False


def _pass_marker(execution: State, frame: Frame, name: str) -> None:
    execution.recall(execution.enter(frame), label("patch", name), Kind.PATCH)


def _has_begun(execution: State, place: Place) -> Algorithm:
    """Tell whether an earlier execution has begun a step here without an end.

    It waits, is tried again, or has called a child: with the marker at its place it
    would begin a second time.
    """
    if execution.claimed.is_first:
        return False
    if place in execution.journal.begun:
        return True
    rows = Workflow.objects.using(execution.host.using)
    child = rows.filter(pk=execution.child_id(place))
    return (yield Query(child.exists))


def _mark(execution: State, place: Place, name: str) -> Algorithm:
    """Record the marker; return it, or what another execution recorded first."""
    yield from execution.assure_active()
    row = records.checkpoint(
        execution, place, label("patch", name), Kind.PATCH, started_at=clock.now()
    )
    with execution.busy():
        adopted = execution.settle((yield Record(row)))
    marker = adopted if adopted is not None else row
    yield from news.tell_step(execution, marker)
    return marker


def _next_place(frame: Frame) -> Place:
    return Place(frame.branch, frame.steps + 1)


def _is_marker(recorded: Checkpoint | None, name: str) -> bool:
    if recorded is None:
        return False
    return (recorded.name, recorded.kind) == (label("patch", name), Kind.PATCH)
