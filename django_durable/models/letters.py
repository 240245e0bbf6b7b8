"""Sending: messages on their way into the table of notifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.checkpoint import (
    COLUMNS,
    NO_CONFLICT,
    Checkpoint,
    Recorded,
    Verdict,
    values_of,
)
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.publication import Publication, Values
from django_durable.models.status import Standing, Status
from django_durable.models.tables import NOTIFICATION, STEP, WORKFLOW
from django_durable.models.targets import message_target

_ONCE = (
    "ON CONFLICT (destination_id, idempotency_key)"
    " WHERE idempotency_key IS NOT NULL DO NOTHING"
)
_COLUMNS = "destination_id, topic, message, idempotency_key, consumed_branch, sent_at"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, with its value as it is stored.

    ``missing`` is the error to record when its destination does not exist.
    """

    destination: str
    topic: str
    message: str
    idempotency_key: str | None = None
    missing: str = ""

    @property
    def target(self) -> str:
        """The name of what it ends the wait for."""
        return message_target(self.destination, self.topic).name


@dataclass(frozen=True, slots=True)
class Sending(Publication):
    """Messages that a workflow's body sends: exactly once.

    All of them, or none when a destination is missing.
    """

    letters: tuple[Letter, ...] = ()

    columns: ClassVar[str] = "destination, topic, message, key, missing"
    casts: ClassVar[str] = "%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]"
    refusal: ClassVar[str] = """
        (SELECT x.missing FROM x WHERE x.i = v.i AND NOT EXISTS (
             SELECT 1 FROM {workflow} AS w WHERE w.id = x.destination)
         ORDER BY x.n LIMIT 1)"""
    effects: ClassVar[str] = f"""
        sent AS (
            INSERT INTO {NOTIFICATION} ({_COLUMNS})
            SELECT x.destination, x.topic, x.message, x.key, '', d.completed_at
            FROM x JOIN d ON d.i = x.i ORDER BY x.n {_ONCE})"""

    @property
    def targets(self) -> list[str]:
        return [letter.target for letter in self.letters]

    def payload(self) -> list[Values]:
        return [
            (
                letter.destination,
                letter.topic,
                letter.message,
                letter.idempotency_key,
                letter.missing,
            )
            for letter in self.letters
        ]

    def refuse(self, connection: BaseDatabaseWrapper) -> str | None:
        there = existing(connection, self.letters)
        lost = (each.missing for each in self.letters if each.destination not in there)
        return next(lost, None)

    def publish(self, connection: BaseDatabaseWrapper) -> int:
        insert(connection, self.letters, self.checkpoint.completed_at)
        return 0


def existing(connection: BaseDatabaseWrapper, letters: Sequence[Letter]) -> set[str]:
    """Return which destinations exist."""
    ids = list({letter.destination for letter in letters})
    places = ", ".join(["%s"] * len(ids))
    statement = f"SELECT id FROM {WORKFLOW} WHERE id IN ({places})"
    return {pk for (pk,) in sql.fetch(connection, statement, ids)}


def insert(
    connection: BaseDatabaseWrapper,
    letters: Sequence[Letter],
    sent_at: datetime,
    hint: Hint = NO_HINT,
) -> int:
    """Insert messages whose destination exists and whose key is new; count them."""
    row = "(%s, %s, %s, %s, %s, %s, %s)"
    if sql.is_postgresql(connection):
        row = "(%s::int, %s::text, %s::text, %s::text, %s::text, %s::text,"
        row += " %s::timestamptz)"
    params: list[Any] = []
    for number, letter in enumerate(letters):
        params += [
            number,
            letter.destination,
            letter.topic,
            letter.message,
            letter.idempotency_key,
            "",
            sql.stamp(connection, sent_at),
        ]
    statement = (
        f"WITH given(n, {_COLUMNS}) AS (VALUES {', '.join([row] * len(letters))})"
        f" INSERT INTO {NOTIFICATION} ({_COLUMNS})"
        f" SELECT {_COLUMNS} FROM given WHERE EXISTS"
        f" (SELECT 1 FROM {WORKFLOW} AS w WHERE w.id = given.destination_id)"
        f" ORDER BY n {_ONCE} RETURNING id{hint.column}"  # A join keeps no order.
    )
    fetch = sql.fetch_hot if len(letters) == 1 else sql.fetch
    return len(fetch(connection, statement, [*params, *hint.params]))


# First the checkpoint, then only what it recorded: consuming first would lose the
# message when a retry meets its own lost statement.
# Without a message nothing is locked.
_RECEIVE = f"""
WITH there AS MATERIALIZED (
    SELECT id FROM {NOTIFICATION}
    WHERE destination_id = %s AND topic = %s AND consumed_by IS NULL LIMIT 1),
w AS MATERIALIZED (
    SELECT id FROM {WORKFLOW} WHERE id = %s AND claim = %s AND status = 'PENDING'
    AND EXISTS (SELECT 1 FROM there) FOR NO KEY UPDATE SKIP LOCKED),
m AS MATERIALIZED (
    SELECT n.id, n.message FROM w CROSS JOIN LATERAL (
        SELECT id, message FROM {NOTIFICATION}
        WHERE destination_id = w.id AND topic = %s AND consumed_by IS NULL
        ORDER BY id LIMIT 1 FOR UPDATE) AS n),
s AS (
    INSERT INTO {STEP} ({COLUMNS})
    SELECT %s, %s, %s::int, %s::bigint, %s, %s, m.message, %s, %s, %s::uuid,
           %s::timestamptz, %s::timestamptz FROM m
    {NO_CONFLICT} RETURNING branch, step_id, output),
u AS (
    UPDATE {NOTIFICATION} AS n
    SET consumed_by = s.step_id, consumed_branch = s.branch
    FROM m, s WHERE n.id = m.id)
SELECT s.output FROM there LEFT JOIN s ON true
"""
_UNREAD = f"""
SELECT NULL FROM {NOTIFICATION}
WHERE destination_id = %s AND topic = %s AND consumed_by IS NULL LIMIT 1
"""


def receive(
    connection: BaseDatabaseWrapper, row: Checkpoint, topic: str
) -> Recorded | None:
    """Record and consume the oldest unread message, where one statement can.

    None when there is no message. Busy when somebody must look closer: the row
    is locked or not ours any more, its place is recorded, or this is SQLite.
    """
    mine = [row.workflow_id, topic]
    if sql.is_postgresql(connection):
        values = values_of(connection, row)
        del values[6]  # The output: the message.
        params = [*mine, row.workflow_id, row.claim, topic, *values]
        found = sql.fetch_hot(connection, _RECEIVE, params)
    else:
        found = sql.fetch_hot(connection, _UNREAD, mine)
    if not found:
        return None
    if found[0][0] is None:
        return Recorded(Verdict.BUSY)
    standing = Standing(row.claim, Status.PENDING)
    return Recorded(Verdict.RECORDED, standing, row._replace(output=found[0][0]))
