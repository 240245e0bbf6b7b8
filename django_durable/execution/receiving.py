"""What a workflow hears: messages, events, streams, and whichever comes first."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django_durable import clock, failures, serialization
from django_durable.definitions.context import Frame
from django_durable.definitions.messages import (
    MISSING,
    Awaited,
    OnTimer,
)
from django_durable.definitions.schemas import Schema, path_of, shape
from django_durable.definitions.streams import Entries
from django_durable.exceptions import WaitTimeout, WorkflowNotFound
from django_durable.execution import looks, news, records, waiting
from django_durable.execution.drivers import Algorithm
from django_durable.execution.journal import Place, load_error
from django_durable.execution.publishing import label
from django_durable.execution.race import Race
from django_durable.execution.requests import Query, Record
from django_durable.execution.state import State
from django_durable.models import Notification, Step
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.targets import (
    Target,
    event_target,
    message_target,
    result_target,
    stream_target,
)

Kind = Step.Kind


def receive(
    execution: State,
    frame: Frame,
    topic: str | None,
    timeout: float | None,
    default: Any,
    schema: Schema | None,
    is_human: bool,
) -> Algorithm:
    """Wait for a message, and consume it with the checkpoint."""
    place, name = execution.enter(frame), label("recv", topic or "")
    recorded = execution.recall(place, name, Kind.RECV)
    if recorded is None:
        target = message_target(
            execution.workflow_id,
            topic or "",
            is_human=is_human,
            schema=path_of(schema),
        )
        recorded = yield from _receive(execution, frame, place, name, target, timeout)
    message = _given(execution, recorded, default)
    if schema is None or recorded.error is not None:
        return message
    what = f"The message on topic {topic!r}" if topic else "The message"
    return shape(message, schema, what)


def _receive(
    execution: State,
    frame: Frame,
    place: Place,
    name: str,
    target: Target,
    timeout: float | None,
) -> Algorithm:
    topic = target.key
    row = yield from _begin(execution, place, name, Kind.RECV)
    look = _Look(execution, place, lambda: _take(execution, row, topic))
    until = _until(execution, place, [target], row.started_at, timeout)
    got = yield from waiting.wait(
        execution, frame, place, [target], until=until, look=look
    )
    if got is not None:
        return (yield from _settled(execution, got))
    what = f"a message on topic {topic!r}" if topic else "a message without a topic"
    return (yield from _time_out(execution, row, what, timeout))


def _take(execution: State, row: Checkpoint, topic: str) -> Recorded | None:
    rows = Notification.objects.using(execution.host.using)
    return rows.receive(records.completed(row, None), topic)


def get_event(
    execution: State,
    frame: Frame,
    workflow_id: str,
    key: str,
    timeout: float | None,
    default: Any,
) -> Algorithm:
    """Wait for a workflow's event; the value is recorded when it is read."""
    place, name = execution.enter(frame), label("get_event", key)
    recorded = execution.recall(place, name, Kind.GET_EVENT)
    if recorded is None:
        target = event_target(workflow_id, key)
        row = yield from _begin(execution, place, name, Kind.GET_EVENT)
        until = _until(execution, place, [target], row.started_at, timeout)
        using, what = execution.host.using, looks.event_name(workflow_id, key)
        found = yield from waiting.wait(
            execution,
            frame,
            place,
            [target, result_target(workflow_id)],
            until=until,
            look=lambda: looks.event(using, workflow_id, key),
        )
        if isinstance(found, looks.Found):
            recorded = yield from _record(execution, records.completed(row, found.text))
        elif isinstance(found, WorkflowNotFound):
            recorded = yield from _fail(execution, row, found)
        else:
            yield from _assure_not_along(execution, isinstance(found, looks.Never))
            recorded = yield from _time_out(execution, row, what, timeout)
    return _given(execution, recorded, default)


def get_events(execution: State, frame: Frame, workflow_id: str) -> Algorithm:
    """Read all events of a workflow, recorded."""
    place = execution.enter(frame)
    recorded = execution.recall(place, "get_events", Kind.GET_EVENT)
    if recorded is None:
        row = yield from _begin(execution, place, "get_events", Kind.GET_EVENT)
        using = execution.host.using
        found = yield Query(lambda: looks.events(using, workflow_id))
        if found is None:
            error = WorkflowNotFound(workflow_id)
            recorded = yield from _fail(execution, row, error)
        else:
            text = serialization.dumps(found, "events")
            recorded = yield from _record(execution, records.completed(row, text))
    return execution.replay(recorded)


def read_stream(
    execution: State,
    frame: Frame,
    workflow_id: str,
    key: str,
    offset: int,
    timeout: float | None,
) -> Algorithm:
    """Wait for one value of a stream, or its end; recorded."""
    place, name = execution.enter(frame), label("read_stream", key)
    recorded = execution.recall(place, name, Kind.READ_STREAM)
    if recorded is None:
        target = stream_target(workflow_id, key, offset)
        row = yield from _begin(execution, place, name, Kind.READ_STREAM)
        until = _until(execution, place, [target], row.started_at, timeout)
        using = execution.host.using
        found = yield from waiting.wait(
            execution,
            frame,
            place,
            [target, result_target(workflow_id)],
            until=until,
            look=lambda: looks.entries(using, workflow_id, key, offset, limit=1),
        )
        if isinstance(found, Entries):
            yield from _assure_not_along(execution, found.is_over)
            parts = (list(found.values), found.is_over, found.is_closed)
            text = serialization.dumps(parts, f"value of stream {key!r}")
            recorded = yield from _record(execution, records.completed(row, text))
        elif isinstance(found, WorkflowNotFound):
            recorded = yield from _fail(execution, row, found)
        else:
            what = looks.entry_name(workflow_id, key, offset)
            recorded = yield from _time_out(execution, row, what, timeout)
    values, is_over, is_closed = execution.replay(recorded)
    return Entries(tuple(values), is_over, is_closed)


def first_of(execution: State, frame: Frame, waits: Sequence[Awaited]) -> Algorithm:
    """Wait for whichever comes first; the winner is recorded with its value."""
    place = execution.enter(frame)
    recorded = execution.recall(place, "first_of", Kind.FIRST_OF)
    if recorded is None:
        row = yield from _begin(execution, place, "first_of", Kind.FIRST_OF)
        race = Race(execution, row, waits)
        timers = [wait.seconds for wait in waits if isinstance(wait, OnTimer)]
        targets = race.targets
        until = _until(
            execution, place, targets, row.started_at, min(timers, default=None)
        )
        got = yield from waiting.wait(
            execution,
            frame,
            place,
            targets,
            until=until,
            look=_Look(execution, place, race.look),
        )
        if isinstance(got, WorkflowNotFound):
            recorded = yield from _fail(execution, row, got)
        elif isinstance(got, Recorded):
            recorded = yield from _settled(execution, got)
        else:
            full = got if got is not None else race.won_by_timer(min(timers))
            yield from _assure_not_along(execution, full.error is not None)
            recorded = yield from _record(execution, full)
    number, value = execution.replay(recorded)
    return waits[number], value


class _Look:
    """A look that also writes: repeated, it first reads back what it may have done.

    A lost answer does not tell whether the commit has happened.
    """

    def __init__(self, execution: State, place: Place, take: Callable[[], Any]) -> None:
        self._execution = execution
        self._place = place
        self._take = take
        self._is_uncertain = False

    def __call__(self) -> Any:
        if self._is_uncertain and (row := self._read_back()) is not None:
            return Recorded(Verdict.CONFLICT, None, row)
        was_uncertain, self._is_uncertain = self._is_uncertain, True
        found = self._take()
        if was_uncertain:  # The lost statement may have gone on until just now.
            row = self._read_back() if found is None else None
            return found if row is None else Recorded(Verdict.CONFLICT, None, row)
        self._is_uncertain = False
        return found

    def _read_back(self) -> Checkpoint | None:
        steps = Step.objects.using(self._execution.host.using)
        mine = steps.filter(
            workflow_id=self._execution.workflow_id,
            branch=self._place.branch,
            step_id=self._place.step_id,
        ).first()
        return mine.checkpoint() if mine is not None else None


def _begin(execution: State, place: Place, name: str, kind: Kind) -> Algorithm:
    yield from execution.assure_active()
    return records.checkpoint(execution, place, name, kind, started_at=clock.now())


def _assure_not_along(execution: State, has_ended: bool) -> Algorithm:
    """Unwind when what ended a wait, another's end, has ended this one as well.

    A child cancelled along with its parent is resumed with it: its end is no outcome.
    """
    if has_ended:
        yield from execution.assure_active(anyhow=True)


def _until(
    execution: State,
    place: Place,
    targets: Sequence[Target],
    started_at: datetime,
    timeout: float | None,
) -> datetime | None:
    """Return when a wait is over: the first execution's deadline stays."""
    if timeout is None:
        return None
    deadlines = execution.journal.deadlines
    kept = (deadlines.get((place, target.name)) for target in targets)
    return next(filter(None, kept), None) or started_at + timedelta(seconds=timeout)


def _settled(execution: State, got: Recorded) -> Algorithm:
    row = execution.settle(got) or got.checkpoint
    assert row is not None
    yield from news.tell_step(execution, row)
    return row


def _record(execution: State, row: Checkpoint) -> Algorithm:
    with execution.busy():
        adopted = execution.settle((yield Record(row)))
    outcome = adopted if adopted is not None else row
    yield from news.tell_step(execution, outcome)
    return outcome


def _time_out(
    execution: State, row: Checkpoint, what: str, timeout: float | None
) -> Algorithm:
    error = WaitTimeout(what, timeout or 0.0)
    return (yield from _fail(execution, row, error))


def _fail(execution: State, row: Checkpoint, error: Exception) -> Algorithm:
    failed = records.failed(row, failures.dump_exception(error))
    return (yield from _record(execution, failed))


def _given(execution: State, recorded: Checkpoint, default: Any) -> Any:
    """Return or raise what was recorded; a default stands in for a time-out."""
    if recorded.error is not None and default is not MISSING:
        error = load_error(recorded.error, recorded.name)
        if isinstance(error, WaitTimeout):
            return default
    return execution.replay(recorded)
