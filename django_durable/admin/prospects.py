"""What lists say of queued workflows: has somebody the code, what holds them up."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connections

from django_durable import clock, conf
from django_durable.admin import stranded
from django_durable.admin.figures.queues import Queue, holds_statement, queues_of
from django_durable.admin.figures.statements import select
from django_durable.admin.holds import hold_text
from django_durable.models import Worker, sql
from django_durable.models.status import Status

_CODE = """
SELECT 'code', '', NULL, 0, NULL, CAST(definitions AS TEXT) FROM ({workers}) AS workers
"""


def mark(rows: Iterable[Any]) -> list[Any]:
    """Do what stranded.mark() does, and note as ``hold`` what holds up a queue.

    By one statement, too.
    """
    marked = list(rows)
    queued = [row for row in marked if row.status == Status.ENQUEUED]
    if not queued:
        return stranded.mark(marked)
    now = clock.now()
    code, held = _asked({row.queue_name for row in queued}, now)
    for row in queued:
        row.hold = hold_text(row, held.get(row.queue_name), now)
    return stranded.mark(marked, code)


def _asked(
    names: Collection[str], now: datetime
) -> tuple[set[tuple[str, str]], dict[str, Queue]]:
    """Return which code the live workers have, and the queues that are held."""
    using = conf.current().database
    workers = Worker.objects.using(using).live().exclude(kind=Worker.Kind.DIRECT)
    text, params = select(using, workers.values("definitions"))
    holds, more = holds_statement(using, sorted(names), now)
    statement = f"{holds} UNION ALL {_CODE.format(workers=text)}"
    found = sql.fetch(connections[using], statement, [*more, *params])
    texts = [row[-1] for row in found if row[0] == "code"]
    code = {(name, version) for text in texts for name, version in json.loads(text)}
    queues = queues_of(row for row in found if row[0] != "code")
    return code, {queue.name: queue for queue in queues}
