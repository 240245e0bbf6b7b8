"""A busy installation, in SQL: what the console is measured on."""

from typing import Any

from django.db import connection

from benchmarks import copies
from django_durable.models import Worker

# Of a hundred that ended, three failed and two were cancelled; they ended during
# the last thirty days, a third of them within six hours.
_ENDED = """
    SELECT n, CASE WHEN n % 100 < 3 THEN 'ERROR' WHEN n % 100 < 5 THEN 'CANCELLED'
                   WHEN n % 50000 = 5 THEN 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'
                   ELSE 'SUCCESS' END AS status,
           CASE WHEN n % 3 = 0 THEN n * 21600.0 / {rows}
                ELSE 21600 + n * 2592000.0 / {rows} END AS age,
           'queue-' || n % 5 AS queue
    FROM {numbers}
"""
_ACTIVE = """
    SELECT n, '{status}' AS status, n * 600.0 / {rows} AS age,
           'queue-' || n % 5 AS queue
    FROM {numbers}
"""
_WORKFLOWS = """
    INSERT INTO django_durable_workflow
        (id, name, version, status, queue_name, priority, run_after, inputs, output,
         error, summary, pause_reason, cancel_reason, cancelled_with, worker_id, claim,
         recovery_attempts, max_recovery_attempts, stalls, stalled_at, subject_type,
         subject_id, attributes, seconds_queued, seconds_ran, seconds_waited,
         created_at, started_at, changed_at, completed_at)
    SELECT lower(status) || '-' || n, 'orders.' || queue, '1', status, queue, 0,
           {begun}, 'json:[[1042],{{}}]', 'json:1', NULL, 'Order ' || n, '', '', '',
           {worker}, 1, 0, 10, 0, 0, '', '', '{{}}', 0.1, 1.5, 0, {begun}, {begun},
           {ended}, {completed}
    FROM ({rows}) AS rows
"""
_WAITS = """
    INSERT INTO django_durable_wait
        (workflow_id, branch, step_id, target, kind, awaited_id, key, wake_at, is_human)
    SELECT id, '', 2, 'message:' || id || ':decision', 'message', id, 'decision', NULL,
           id LIKE '%7'
    FROM django_durable_workflow WHERE status = 'WAITING'
"""
_STEPS = """
    INSERT INTO django_durable_step
        (workflow_id, branch, step_id, name, kind, claim, started_at, completed_at,
         output)
    SELECT '{workflow}', '', n, 'orders.pay', 'step', 1, {now}, {now}, 'json:1'
    FROM {numbers}
"""
STEPS_OF = "success-99"


def populate(ended: int, steps: int) -> None:
    """Fill the tables: a tenth of ``ended`` is queued, a fiftieth waits."""
    worker = Worker.objects.register(Worker.Kind.WORKER, concurrency=16)
    with connection.cursor() as cursor:
        cursor.execute(_workflows(_ENDED, ended, "NULL"))
        parts = {"ENQUEUED": ended // 10, "WAITING": ended // 50, "PENDING": 16}
        for status, number in parts.items():
            held = worker.pk if status == "PENDING" else None
            cursor.execute(_workflows(_ACTIVE, number, _literal(held), status=status))
        cursor.execute(_WAITS)
        cursor.execute(
            _STEPS.format(workflow=STEPS_OF, numbers=_numbers(steps), now=_ago("0"))
        )
    copies.analyze()


def _workflows(kind: str, rows: int, worker: str, **values: Any) -> str:
    chosen = kind.format(rows=rows, numbers=_numbers(rows), **values)
    completed = _ago("age") if kind is _ENDED else "NULL"
    return _WORKFLOWS.format(
        rows=chosen,
        worker=worker,
        begun=_ago("age + 2"),
        ended=_ago("age"),
        completed=completed,
    )


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _numbers(rows: int) -> str:
    if _is_postgresql():
        return f"generate_series(1, {rows}) AS n"
    counted = f"SELECT n + 1 FROM numbers WHERE n < {rows}"
    return (
        "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL"
        f" {counted}) SELECT n FROM numbers) AS n"
    )


def _ago(seconds: str) -> str:
    if _is_postgresql():
        return f"now() - ({seconds}) * interval '1 second'"
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({seconds}) || ' seconds')"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if _is_postgresql() else f"'{value.hex}'"
