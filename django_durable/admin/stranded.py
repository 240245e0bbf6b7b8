"""Which workflows nobody has the code for, told beside their status everywhere."""

from collections.abc import Collection, Iterable
from typing import Any

from django_durable import conf
from django_durable.models import Worker
from django_durable.models.code import covers
from django_durable.models.status import Status

# The others either have ended, or a worker has them.
STRANDABLE = (Status.ENQUEUED, Status.WAITING)


def mark(
    rows: Iterable[Any], live: Collection[tuple[str, str]] | None = None
) -> list[Any]:
    """Note on workflows whether they are stranded, for their badges.

    By one statement, unless ``live`` says which code the live workers have; by none
    where no row could be.
    """
    marked = list(rows)
    able = [row for row in marked if row.status in STRANDABLE]
    if able and live is None:
        live = Worker.objects.using(conf.current().database).live_definitions()
    for row in able:
        row.is_stranded = not covers(live or (), row.name, row.version)
    return marked
