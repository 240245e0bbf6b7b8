"""The plans of what workers ask all the time, on PostgreSQL, in a large table."""

import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from django_durable import clock
from django_durable.models import Wait, Worker, Workflow, prepared, sql
from django_durable.models.claims import claim_parameters, claim_statement
from django_durable.models.status import Status
from django_durable.models.wait import waiting_statement

ROWS = 100_000
DEFINITIONS = [("orders.checkout", "1"), ("orders.remind", "2"), ("any", "*")]
WORKFLOW = "django_durable_workflow"
# Of the two indexes of the key, either will do.
KEY = f"{WORKFLOW}_"

# Every tenth row is of another queue, every hundredth of another priority; a
# quarter is delayed. Worker 1 lives, of the PENDING rows 100 are another's.
FILL = """
INSERT INTO django_durable_workflow
    (id, name, version, status, queue_name, priority, run_after, wake_at, inputs,
     summary, pause_reason, cancel_reason, cancelled_with, worker_id, claim,
     recovery_attempts, max_recovery_attempts, stalls, stalled_at, subject_type,
     subject_id, attributes, seconds_queued, seconds_ran, seconds_waited,
     created_at, changed_at)
SELECT %(status)s || '-' || n, 'orders.checkout', '1', %(status)s,
       'queue-' || (n %% 10), n %% 100,
       moment + CASE WHEN n %% 4 = 0 THEN interval '1 day' ELSE interval '0' END,
       CASE WHEN %(status)s = 'WAITING' THEN moment + interval '2 days' END,
       'json:[{}]', '', '', '', '',
       CASE WHEN %(status)s = 'PENDING' THEN
           CASE WHEN n %% 1000 = 0 THEN %(dead)s::uuid ELSE %(live)s::uuid END END,
       1, 0, 10, 0, 0, '', '', '{}', 0, 0, 0, moment, moment
FROM (SELECT n, %(now)s::timestamptz - n * interval '1 second' AS moment
      FROM generate_series(1, %(rows)s) AS n) AS rows
"""


@pytest.fixture(scope="module")
def large_table(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Fill the table with 100,000 rows of every status, for all tests here."""
    with django_db_blocker.unblock():
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("The plans are those of a database with SKIP LOCKED.")
        live = Worker.objects.register(Worker.Kind.WORKER, definitions=DEFINITIONS)
        with connection.cursor() as cursor:
            # Nothing here has to outlive the server.
            cursor.execute("ALTER TABLE django_durable_workflow SET UNLOGGED")
            for status in Status.values:
                values = {"status": status, "now": clock.now(), "rows": ROWS}
                workers = {"live": live.pk, "dead": uuid.uuid4()}
                cursor.execute(FILL, values | workers)
            cursor.execute("ANALYZE django_durable_workflow, django_durable_worker")
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE django_durable_workflow, django_durable_worker")
            cursor.execute("ALTER TABLE django_durable_workflow SET LOGGED")


def plan(statement: str, parameters: Any = None) -> list[dict[str, Any]]:
    """Return the nodes of a statement's plan, executed but not kept."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        found = cursor.fetchone()[0]
    tree = found if isinstance(found, list) else json.loads(found)
    return nodes_of(tree[0]["Plan"])


def nodes_of(root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a node of a plan with all below it."""
    nodes, todo = [], [root]
    while todo:
        node = todo.pop()
        nodes.append(node)
        todo += node.get("Plans", [])
    return nodes


def plans(work: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return the nodes of all the statements on workflows that ``work`` executes."""
    with pytest.MonkeyPatch.context() as patch:
        # Django does not see the text of what is prepared.
        patch.setattr(prepared, "is_possible", lambda connection: False)
        with CaptureQueriesContext(connections["default"]) as captured:
            work()
    statements = [query["sql"] for query in captured if WORKFLOW in query["sql"]]
    assert statements
    return [node for statement in statements for node in plan(statement)]


def indexes(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def scanned(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the nodes that read the whole table of workflows."""
    return [
        node
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] == WORKFLOW
    ]


def most_sorted(nodes: list[dict[str, Any]]) -> float:
    """Return how many rows the largest sort has got."""
    sorts = [node for node in nodes if "Sort" in node["Node Type"]]
    return max(
        (child["Actual Rows"] for node in sorts for child in node["Plans"]), default=0
    )


@pytest.mark.django_db
@pytest.mark.parametrize("queues", [None, ["queue-3", "queue-4"]])
@pytest.mark.usefixtures("large_table")
def test_a_claim_walks_the_index_and_sorts_nothing_but_the_heads(queues):
    limit = 16
    statement = claim_statement(sql.table(Workflow), with_queues=queues is not None)
    parameters = claim_parameters(DEFINITIONS, limit, queues, clock.now(), uuid.uuid4())

    nodes = plan(statement, parameters)

    assert "durable_workflow_ready" in indexes(nodes)
    assert scanned(nodes) == []
    assert most_sorted(nodes) <= limit * len(queues or range(10))
    assert nodes[0]["Actual Rows"] == limit


@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
def test_a_claim_by_a_worker_without_the_code_does_not_scan_the_table():
    others = [("shop.unknown", "1")]
    statement = claim_statement(sql.table(Workflow), with_queues=True)
    parameters = claim_parameters(others, 16, ["empty"], clock.now(), uuid.uuid4())

    nodes = plan(statement, parameters)

    assert scanned(nodes) == []
    assert nodes[0]["Actual Rows"] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
def test_waking_what_is_due_uses_the_index_of_timers():
    Workflow.objects.filter(pk="WAITING-4000").update(wake_at=clock.now())

    nodes = plans(Workflow.objects.wake_due)

    assert "durable_workflow_wake" in indexes(nodes)
    assert scanned(nodes) == []


# A prepared statement may be planned once, for values that nobody knows yet.
@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
@pytest.mark.parametrize(
    ("question", "index"),
    [
        (Workflow.objects.wake_due, "durable_workflow_wake"),
        (Workflow.objects.next_due, "durable_workflow_delayed"),
        (lambda: Workflow.objects.requeue_waiting(["WAITING-1"]), KEY),
        (lambda: Workflow.objects.standings(["WAITING-1"]), KEY),
        (lambda: Workflow.objects.suspend("PENDING-1", 1, wake_at=None), KEY),
    ],
    ids=["wake due", "next due", "requeue", "standings", "suspend"],
)
def test_a_plan_that_is_kept_for_all_values_reads_an_index(question, index):
    texts = composed(question)

    nodes = [node for text in texts for node in plan_for_any(text)]

    assert any(index in name for name in indexes(nodes)), indexes(nodes)
    assert scanned(nodes) == []
    assert [node for node in nodes if "Sort" in node["Node Type"]] == []


def composed(question: Callable[[], Any]) -> list[str]:
    """Return the texts of all hot statements on workflows, with their gaps."""
    texts: list[str] = []

    def note(execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        if WORKFLOW in text and text.split()[0] != "SET":
            texts.append(text)
        return execute(text, params, many, context)

    with connection.execute_wrapper(note):
        question()
    assert texts
    return texts


def plan_for_any(text: str) -> list[dict[str, Any]]:
    """Return the nodes of the plan of a statement without its values."""
    numbers = itertools.count(1)
    text = re.sub("%s", lambda _: f"${next(numbers)}", text).replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text}", None)
        tree = cursor.fetchone()[0]
    found = tree if isinstance(tree, list) else json.loads(tree)
    return nodes_of(found[0]["Plan"])


@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
def test_the_next_timer_is_read_from_the_indexes():
    nodes = plans(Workflow.objects.next_due)

    assert {"durable_workflow_wake", "durable_workflow_delayed"} <= indexes(nodes)
    assert scanned(nodes) == []
    assert most_sorted(nodes) == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
def test_abandoned_workflows_are_found_in_the_index_of_what_is_held():
    nodes = plans(lambda: list(Workflow.objects.abandoned().values_list("pk")))

    assert "durable_workflow_held" in indexes(nodes)
    assert scanned(nodes) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("large_table")
def test_waking_by_target_reads_the_index_of_waits():
    waits = [
        Wait(workflow_id=f"WAITING-{n}", step_id=1, target=f"workflow:{n}")
        for n in range(2000)
    ]
    Wait.objects.bulk_create(waits)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE django_durable_wait")

    nodes = plan(*waiting_statement(connection, ["workflow:77"]))

    assert Wait.objects.wake(["workflow:77"]) == 1
    assert "durable_wait_target" in indexes(nodes)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
