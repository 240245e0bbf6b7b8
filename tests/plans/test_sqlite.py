"""The plans of SQLite: by indexes, or along an index of what is not finished.

It plans without knowing what a table holds, so a few rows are enough.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from django_durable.models import Wait, Workflow
from django_durable.models.status import Status
from tests.emptying import empty
from tests.plans.explaining import VERBS
from tests.plans.operation import PAUSED, WAIT
from tests.plans.operations import OPERATIONS, WORKER
from tests.plans.rows import ASLEEP, MANY, every_wait, new_row, nth

pytestmark = pytest.mark.django_db

# What holds nothing of the tables: the values of the statement, and their parts.
TEMPORARY = re.compile(
    r"VIRTUAL TABLE|CONSTANT ROW"
    r"|SCAN (v|given|\(?subquery-\d+\)?|queues|queue|head|newest_first|counted"
    r"|named|held|stated|part|ended|found)$"
)
# Workers are few: those of the last days.
SMALL = "django_durable_worker"


@pytest.fixture(autouse=True, scope="module")
def rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Insert the rows that the operations are about."""
    with django_db_blocker.unblock():
        if connection.vendor != "sqlite":
            pytest.skip("Here SQLite is asked for its plans.")
        numbers = [1, 2, 5, *MANY, 151]
        Workflow.objects.bulk_create(
            new_row(nth(status, number), status=status, worker_id=WORKER, claim=1)
            for status in Status.values
            for number in numbers
        )
        Wait.objects.keep(ASLEEP, every_wait())
        yield
        empty(connection, [Wait, Workflow])


def scans_of(work: Callable[[], Any]) -> list[tuple[str, str]]:
    """Execute ``work``; return what its statements walk over, and their texts."""
    found: list[tuple[str, str]] = []

    def note(execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        if text.split(maxsplit=1)[0] in VERBS:
            given = next(iter(params)) if many else params
            cursor = connection.connection.cursor(
                factory=type(context["cursor"].cursor)
            )
            cursor.execute(f"EXPLAIN QUERY PLAN {text}", given)
            details = [detail for *_, detail in cursor.fetchall()]
            found.extend((each, text) for each in details if each.startswith("SCAN"))
        return execute(text, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return found


def is_small(scan: str, walks: str) -> bool:
    """Tell whether a scan is of values, of a small table, or of what it may walk."""
    return bool(TEMPORARY.search(scan)) or scan.split()[-1] in {*walks.split(), SMALL}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_statement_reads_what_has_finished(name):
    operation = OPERATIONS[name]

    scans = scans_of(operation.call)

    assert [each for each in scans if not is_small(each[0], operation.walks)] == []


@pytest.mark.parametrize("name", ["claim", "claim, of paused queues"])
def test_a_claim_walks_over_nothing_but_the_names_of_queues(name):
    scans = {scan for scan, _ in scans_of(OPERATIONS[name].call)}

    assert {scan for scan in scans if not TEMPORARY.search(scan)} <= {f"SCAN {PAUSED}"}


def test_a_walk_over_a_table_is_noticed():
    scans = scans_of(lambda: list(Workflow.objects.filter(name="orders.checkout")))

    assert not is_small(scans[0][0], WAIT)
