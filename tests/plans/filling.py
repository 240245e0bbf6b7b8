"""Large tables: what a busy project keeps in PostgreSQL, made in seconds.

100,000 workflows of every status, and for each one that waits an open wait of
every kind, none of them met. Ids are inserted in their order, and the indexes
that are not keys are made afterwards: both take a fraction of the time.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection

from django_durable import clock
from django_durable.models import Worker
from django_durable.models.status import TERMINAL, Status
from tests.models import Receipt
from tests.plans.operations import MODELS
from tests.plans.rows import DEFINITIONS

ROWS = 100_000
# What holds on to one of them comes before it.
_UNLOGGED = (Receipt._meta.db_table, "django_durable_workflow", "django_durable_wait")
# Every tenth row is of another queue, every hundredth of another priority; a
# quarter is delayed. Of the PENDING rows 100 are of a worker that is gone.
_WORKFLOWS = """
INSERT INTO django_durable_workflow
    (id, name, version, status, queue_name, priority, run_after, wake_at, deadline,
     inputs, output, summary, pause_reason, cancel_reason, cancelled_with, worker_id,
     claim, recovery_attempts, max_recovery_attempts, stalls, stalled_at, subject_type,
     subject_id, attributes, seconds_queued, seconds_ran, seconds_waited,
     created_at, changed_at, parent_id, completed_at)
SELECT pg_temp.nth(%(status)s, n), 'orders.checkout', '1', %(status)s,
       'queue-' || (n %% 10), n %% 100,
       moment + CASE WHEN n %% 4 = 0 THEN interval '1 day' ELSE interval '0' END,
       CASE WHEN %(status)s = 'WAITING' AND n %% 2 = 0
           THEN moment + interval '2 days' END,
       CASE WHEN n %% 3 = 0 THEN moment + interval '9 days' END,
       'json:[{}]', CASE WHEN %(status)s = 'SUCCESS' THEN 'json:1' END, '', '', '', '',
       CASE WHEN %(status)s = 'PENDING' THEN
           CASE WHEN n %% 1000 = 0 THEN %(dead)s::uuid ELSE %(live)s::uuid END END,
       1, 0, 10, CASE WHEN n %% 5000 = 0 THEN 2 ELSE 0 END, 0,
       CASE WHEN n %% 5 = 0 THEN 'tests.entry' ELSE '' END, n::text, '{}', 0, 0, 0,
       moment, moment,
       CASE WHEN n %% 10 = 0 THEN pg_temp.nth(%(status)s, n - n %% 100 + 1) END,
       CASE WHEN %(has_ended)s THEN moment END
FROM (SELECT n, %(now)s::timestamptz - n * interval '1 second' AS moment
      FROM generate_series(1, %(rows)s) AS n) AS rows
"""
_NTH = """
CREATE OR REPLACE FUNCTION pg_temp.nth(status text, n int) RETURNS text IMMUTABLE
LANGUAGE sql AS $$ SELECT status || '-' || lpad(n::text, 6, '0') $$
"""
# Each waits for its own next message, for an event, a stream and the result of a
# workflow that runs, and for a time.
_WAITS = """
INSERT INTO django_durable_wait
    (workflow_id, branch, step_id, target, kind, awaited_id, key, "offset", wake_at)
SELECT mine, '', step_id, target, kind, awaited_id, key, at, wake_at
FROM (SELECT pg_temp.nth('WAITING', n) AS mine, pg_temp.nth('PENDING', n) AS theirs,
             CASE WHEN n % 2 = 0 THEN now() + interval '1 day' END AS wake_at
      FROM generate_series(1, {rows}) AS n) AS rows
CROSS JOIN LATERAL (VALUES
    (1, 'message:' || mine || ':next', 'message', mine, 'next', NULL),
    (2, 'event:' || theirs || ':next', 'event', theirs, 'next', NULL),
    (3, 'stream:' || theirs || ':lines', 'stream', theirs, 'lines', 2),
    (4, 'workflow:' || theirs, 'workflow', theirs, '', NULL),
    (5, 'timer', 'timer', '', '', NULL)
) AS each(step_id, target, kind, awaited_id, key, at)
"""
# Whoever runs has published, whoever waits has been sent what it does not ask for.
_OTHERS = [
    """
    INSERT INTO django_durable_step
        (workflow_id, branch, step_id, name, kind, claim, started_at, completed_at)
    SELECT pg_temp.nth(status, n), '', 0, 'orders.pay', 'step', 1, now(), now()
    FROM unnest(ARRAY['PENDING', 'SUCCESS']) AS status,
         generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_attempt
        (workflow_id, branch, step_id, attempt, error, failed_at, next_at)
    SELECT pg_temp.nth('PENDING', n), '', 0, 1, '', now(), now()
    FROM generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_notification
        (destination_id, topic, message, idempotency_key, consumed_branch,
         consumed_by, sent_at)
    SELECT pg_temp.nth('WAITING', n), topic, 'json:1', topic, '', by, now()
    FROM (VALUES ('first', 1), ('unasked', NULL)) AS each(topic, by),
         generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_event (workflow_id, key, value, updated_at)
    SELECT pg_temp.nth(status, n), 'first', 'json:1', now()
    FROM unnest(ARRAY['ERROR', 'PENDING', 'SUCCESS']) AS status,
         generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_eventhistory
        (workflow_id, key, branch, step_id, value, set_at)
    SELECT pg_temp.nth('PENDING', n), 'first', '', 0, 'json:1', now()
    FROM generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_stream
        (workflow_id, key, next_offset, is_closed, closed_branch, closed_by)
    SELECT pg_temp.nth('PENDING', n), 'lines', 2, false, '', NULL
    FROM generate_series(1, {rows}) AS n
    """,
    """
    INSERT INTO django_durable_streamentry
        (workflow_id, key, "offset", value, branch, step_id, attempt, written_at)
    SELECT pg_temp.nth('PENDING', n), 'lines', at, 'json:1', '', 0, 1, now()
    FROM generate_series(1, {rows}) AS n, generate_series(0, 1) AS at
    """,
    """
    INSERT INTO django_durable_schedule
        (name, workflow_name, cron, time_zone, overlap, catch_up, queue_name, inputs,
         takes_moment, next_at, skipped, skipped_in_row, paused_by, pause_reason,
         created_at, changed_at)
    SELECT 'schedule-' || n, 'orders.checkout', '* * * * *', 'UTC', 'skip', 'one',
           'default', 'json:[{{}}]', false, now() + interval '1 hour', 0, 0, '', '',
           now(), now()
    FROM generate_series(0, {rows} / 100 - 1) AS n
    """,
    """
    INSERT INTO django_durable_tick
        (schedule_id, scheduled_at, kind, workflow_id, created_at, is_over)
    SELECT 'schedule-' || n % 10, now() - n * interval '1 minute', 'due',
           CASE WHEN n % 100 < 90 THEN pg_temp.nth('SUCCESS', n) END, now(),
           n > 50
    FROM generate_series(1, {rows} / 10) AS n
    """,
    """
    INSERT INTO django_durable_worker
        (id, host, pid, kind, definitions, concurrency, state, started_at, heartbeat_at)
    SELECT gen_random_uuid(), 'host', n, 'worker', '[]', 16, 'stopped',
           now() - interval '2 days', now() - interval '1 day'
    FROM generate_series(1, {rows} / 100) AS n
    """,
]


def fill() -> None:
    """Fill the tables; a worker that lives holds nearly all that runs."""
    live = Worker.objects.register(Worker.Kind.WORKER, definitions=DEFINITIONS)
    live.heartbeat_at += timedelta(hours=1)  # However long the tests take.
    live.save()
    now = clock.now() - timedelta(seconds=1)
    with connection.cursor() as cursor, _indexes_made_later():
        for table in _UNLOGGED:  # Nothing here has to outlive the server.
            cursor.execute(f"ALTER TABLE {table} SET UNLOGGED")
        cursor.execute(_NTH)
        for status in sorted(Status.values):
            values: dict[str, Any] = {"status": status, "now": now, "rows": ROWS}
            values["has_ended"] = status in TERMINAL
            cursor.execute(_WORKFLOWS, values | {"live": live.pk, "dead": uuid.uuid4()})
        for statement in (_WAITS, *_OTHERS):
            cursor.execute(statement.format(rows=ROWS))
    with connection.cursor() as cursor:
        # What the server does by itself, sooner or later.
        cursor.execute("SET default_statistics_target = 25")
        cursor.execute(f"ANALYZE {_names()}")
        cursor.execute("VACUUM django_durable_notification")
        cursor.execute("RESET default_statistics_target")


def empty() -> None:
    """Leave the tables as they were."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_names()}")
        for table in reversed(_UNLOGGED):
            cursor.execute(f"ALTER TABLE {table} SET LOGGED")


def _names() -> str:
    return ", ".join(model._meta.db_table for model in (*MODELS, Receipt))


@contextmanager
def _indexes_made_later() -> Iterator[None]:
    indexes = [(model, index) for model in MODELS for index in model._meta.indexes]
    with connection.schema_editor() as editor:
        for model, index in indexes:
            editor.remove_index(model, index)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model, index in indexes:
                editor.add_index(model, index)
