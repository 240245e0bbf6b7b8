"""What earlier executions have left of some workflows: on PostgreSQL one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connections

from django_durable.models import sql
from django_durable.models.attempt import Attempt
from django_durable.models.checkpoint import COLUMNS, Checkpoint
from django_durable.models.step import Step
from django_durable.models.wait import Wait


class Past(NamedTuple):
    """What is recorded of one workflow.

    ``tries`` are (branch, step_id, next_at) of failed tries, in order; ``waits`` are
    (branch, step_id, target, wake_at).
    """

    steps: list[Checkpoint]
    tries: list[tuple[str, int, datetime]]
    waits: list[tuple[str, int, str, datetime | None]]


# Tries and waits in the columns of steps, which come first: ``part`` tells them apart.
_ALL = f"""
SELECT {COLUMNS}, 0 AS part FROM {sql.table(Step)} WHERE workflow_id = ANY(%s::text[])
UNION ALL
SELECT workflow_id, branch, step_id, attempt, '', '', NULL, NULL, NULL, NULL, next_at,
       next_at, 1
FROM {sql.table(Attempt)} WHERE workflow_id = ANY(%s::text[])
UNION ALL
SELECT workflow_id, branch, step_id, 0, target, '', NULL, NULL, NULL, NULL, wake_at,
       wake_at, 2
FROM {sql.table(Wait)} WHERE workflow_id = ANY(%s::text[])
"""
_STEPS, _TRIES = 0, 1


def reads_many_at_once(using: str) -> bool:
    """Tell whether reading several takes no more statements than one."""
    return sql.is_postgresql(connections[using])


def read(using: str, ids: Sequence[str]) -> dict[str, Past]:
    """Return what is recorded of workflows, by their ids."""
    if reads_many_at_once(using):
        return _read_at_once(using, list(ids))
    return {
        pk: Past(
            Step.objects.using(using).journal(pk),
            Attempt.objects.using(using).journal(pk),
            Wait.objects.using(using).journal(pk),
        )
        for pk in ids
    }


def _read_at_once(using: str, ids: list[str]) -> dict[str, Past]:
    found = {pk: Past([], [], []) for pk in ids}
    tries = []
    among = sql.array(ids)
    for *values, part in sql.fetch_hot(connections[using], _ALL, [among] * 3):
        row = Checkpoint(*values)
        past = found[row.workflow_id]
        if part == _STEPS:
            past.steps.append(row)
        elif part == _TRIES:
            tries.append(row)
        else:
            wait = row.branch, row.step_id, row.name, row.started_at
            past.waits.append(wait)
    for row in sorted(tries, key=lambda row: row.claim):  # The number of the try.
        past = found[row.workflow_id]
        past.tries.append((row.branch, row.step_id, row.started_at))
    return found
