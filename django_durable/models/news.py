"""What many watchers of workflows ask at once: one statement for all of them.

One snapshot, too: whatever came before an end is found with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.tables import EVENT, STEP, WORKFLOW


@dataclass(frozen=True, slots=True)
class Cursor:
    """Whose news are wanted, and since when (None: the latest steps, all events)."""

    workflow_id: str
    since: datetime | None


class SeenStep(NamedTuple):
    """A step as watchers are told of it."""

    name: str
    branch: str
    step_id: int
    kind: str
    failed: bool
    at: datetime


class SeenEvent(NamedTuple):
    """An event; without its ``value`` when that is too large."""

    key: str
    value: str | None
    size: int
    at: datetime


@dataclass(slots=True)
class SeenWorkflow:
    """What one look found: ``status`` is None where there is no such workflow.

    ``created_at`` tells it from a workflow that had its id before.
    """

    status: str | None = None
    created_at: datetime | None = None
    steps: list[SeenStep] = field(default_factory=list)
    events: list[SeenEvent] = field(default_factory=list)


def see_news(
    connection: BaseDatabaseWrapper,
    cursors: Sequence[Cursor],
    *,
    limit: int,
    largest: int,
) -> list[SeenWorkflow]:
    """Look at workflows, each named once: their news in the order of time.

    At most ``limit`` steps of those whose cursors begin; values up to ``largest``.
    """
    parts = list(_parts(connection, cursors, limit, largest))
    statement = " UNION ALL ".join(text for text, _ in parts)
    params = [value for _, values in parts for value in values]
    fetch = sql.fetch_hot if len(cursors) == 1 else sql.fetch
    found = {cursor.workflow_id: SeenWorkflow() for cursor in cursors}
    for workflow_id, *row in fetch(connection, statement, params):
        _add(found[workflow_id], *row)
    for seen in found.values():
        seen.steps.sort(key=lambda step: (step.at, step.branch, step.step_id))
        seen.events.sort(key=lambda event: (event.at, event.key))
    return [found[cursor.workflow_id] for cursor in cursors]


_STATUS, _STEPS, _EVENTS = range(3)
# What is told by the events and by the streams themselves.
_TOLD_ELSEWHERE = "kind NOT IN ('write_stream', 'set_event')"
# The types of all columns are those of the part that comes first.
_STEP = f"""
SELECT workflow_id, {_STEPS}, name, branch, step_id, kind, error IS NOT NULL,
    completed_at AS at
FROM {STEP} WHERE {_TOLD_ELSEWHERE} AND
"""
_EVENT = f"""
SELECT workflow_id, {_EVENTS}, key, CASE WHEN {{size}} <= %s THEN value END, {{size}},
    NULL, NULL, updated_at
FROM {EVENT} WHERE
"""
_WORKFLOW = f"""
SELECT id, {_STATUS}, status, NULL, NULL, NULL, NULL, created_at
FROM {WORKFLOW} WHERE id IN
"""


def _parts(
    connection: BaseDatabaseWrapper, cursors: Sequence[Cursor], limit: int, largest: int
) -> Iterator[tuple[str, list[Any]]]:
    later = [cursor for cursor in cursors if cursor.since is not None]
    for cursor in cursors:
        if cursor.since is None:
            recent = f"{_STEP} workflow_id = %s ORDER BY at DESC LIMIT {limit}"
            yield f"SELECT * FROM ({recent}) AS recent", [cursor.workflow_id]
    if later:
        condition, values = _since(connection, later, "completed_at")
        yield f"{_STEP} {condition}", values
    condition, values = _since(connection, cursors, "updated_at")
    size = sql.size_of(connection, "value")
    yield f"{_EVENT.format(size=size)} {condition}", [largest, *values]
    places = ", ".join(["%s"] * len(cursors))
    yield f"{_WORKFLOW} ({places})", [cursor.workflow_id for cursor in cursors]


def _since(
    connection: BaseDatabaseWrapper, cursors: Sequence[Cursor], column: str
) -> tuple[str, list[Any]]:
    conditions, values = [], []
    for cursor in cursors:
        condition = "workflow_id = %s"
        values.append(cursor.workflow_id)
        if cursor.since is not None:
            condition += f" AND {column} >= %s"
            values.append(sql.stamp(connection, cursor.since))
        conditions.append(condition)
    return f"({' OR '.join(conditions)})", values


def _add(
    seen: SeenWorkflow,
    what: int,
    name: str,
    text: str | None,
    number: int | None,
    kind: str | None,
    failed: bool | None,
    at: Any,
) -> None:
    moment: Any = sql.moment(at)
    if what == _STATUS:
        seen.status, seen.created_at = name, moment
    elif what == _STEPS:
        seen.steps.append(
            SeenStep(name, text or "", number or 0, kind or "", bool(failed), moment)
        )
    else:
        seen.events.append(SeenEvent(name, text, number or 0, moment))
