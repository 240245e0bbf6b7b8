"""What it costs to ask from outside of workflows, and to write in batches."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

import django_durable as durable
from django_durable import clock
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.execution.journal import TOGETHER, Journal, Journals
from django_durable.models import Step, Wait, Workflow
from django_durable.models.claims import Claimed, Taking
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.targets import TIMER, message_target
from django_durable.models.wait import WaitRow
from django_durable.wakeup import hub
from django_durable.worker.dispatcher import Dispatcher
from tests.counting import Cost, note_all
from tests.plans.operations import PUBLICATIONS
from tests.plans.rows import HELD, MANY, checkpoint, new_row, nth, outcome
from tests.running import in_loop
from tests.workflows import total

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def executed(monkeypatch, held):
    """Note what is executed, once the first call of a process has been made."""
    durable.send(HELD, "the first one also asks for the time")
    main = threading.current_thread()
    return note_all(monkeypatch, lambda: threading.current_thread() is main)


@pytest.fixture
def held():
    """Workflows that are executed and have published, and some that wait."""
    Workflow.objects.bulk_create(
        new_row(nth(status, number), status=status, claim=1)
        for status in ("PENDING", "WAITING")
        for number in [1, 2, *MANY, 151]
    )
    row = checkpoint()
    Step.objects.publish([EventSetting(row, key="key", value="json:1")])
    Step.objects.publish(
        [StreamWriting(row._replace(step_id=8), key="a", values=("json:1",))]
    )


# Calls from a view, and from an async one.
OUTSIDE: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "start": (lambda: total.start(1), lambda: total.astart(1)),
    "send": (lambda: durable.send(HELD, 1), lambda: durable.asend(HELD, 1)),
    "get_event": (
        lambda: durable.get_event(HELD, "key"),
        lambda: durable.aget_event(HELD, "key"),
    ),
    "read_stream": (
        lambda: next(durable.read_stream(HELD, "a")),
        lambda: anext(durable.aread_stream(HELD, "a")),
    ),
    "get_status": (
        lambda: durable.WorkflowHandle(HELD).get_status(),
        lambda: durable.WorkflowHandle(HELD).aget_status(),
    ),
}

DATABASES = "postgresql", "sqlite"
# On PostgreSQL that also tells workers in other processes.
STARTED = dict.fromkeys(DATABASES, Cost(1, 0, 1))
LOOK = dict.fromkeys(DATABASES, Cost(1, 0, 0))
EXPECTED = {
    "start": (STARTED, STARTED),
    "send": (dict.fromkeys(DATABASES, Cost(1, 1, 1)),) * 2,
    "get_event": (LOOK, LOOK),
    # Is there such a workflow; how far is the stream, and what is in it.
    "read_stream": (dict.fromkeys(DATABASES, Cost(2, 0, 0)), LOOK),
    "get_status": (LOOK, LOOK),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_each_call_from_outside_costs_so_many_statements(name, executed):
    OUTSIDE[name][0]()

    assert Cost.of(executed) == EXPECTED[name][0][connection.vendor], executed


@pytest.mark.parametrize("name", OUTSIDE)
def test_each_awaited_call_from_outside_costs_so_many_statements(name, executed):
    in_loop(OUTSIDE[name][1])

    assert Cost.of(executed) == EXPECTED[name][1][connection.vendor], executed


def test_a_direct_call_costs_a_look_at_its_lease_beside_what_it_writes(executed):
    total(1, 2)
    executed.clear()

    assert total(1, 2) == 3

    # The start, two steps and the outcome; then who waits for that.
    assert Cost.of(executed) == Cost(5, 1, 4), executed


@pytest.mark.parametrize(("is_listening", "looks"), [(False, 2), (True, 1)])
def test_a_wait_of_a_process_that_listens_begins_with_one_look(
    is_listening, looks, executed, monkeypatch
):
    monkeypatch.setattr(type(hub), "has_hints", is_listening)

    with pytest.raises(durable.WaitTimeout):
        durable.WorkflowHandle(HELD).get_result(timeout=0)

    assert Cost.of(executed) == Cost(looks, 0, 0)


# What a busy worker gathers goes out in one statement, for 50 as for one.
BATCHES: dict[str, tuple[Callable[[int], Any], Cost]] = {
    "steps": (lambda number: checkpoint(nth("PENDING", number)), Cost(1, 0, 1)),
    "completions": (outcome, Cost(1, 1, 1)),
    **{
        name: (lambda number, of=of: of(nth("PENDING", number)), Cost(1, 1, 1))
        for name, of in PUBLICATIONS.items()
    },
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_one_commit_and_on_postgresql_one_statement(name, executed):
    build, expected = BATCHES[name]
    writer = CheckpointWriter("default", lambda: False)

    writer._store([build(number) for number in MANY])

    cost = Cost.of(executed)
    if connection.vendor == "sqlite" and name in PUBLICATIONS:
        cost = cost._replace(own=expected.own)  # Looks and inserts for each.
    assert cost == expected, executed


# On SQLite one of each of three tables.
READ = {"postgresql": Cost(1, 0, 0), "sqlite": Cost(3, 0, 0)}


def test_a_later_execution_reads_its_journal_and_on_postgresql_at_once(executed):
    Journal.load("default", HELD)

    assert Cost.of(executed) == READ[connection.vendor]


def test_executions_that_begin_together_read_their_journals_together(executed):
    if connection.vendor == "sqlite":
        pytest.skip("Here a statement costs next to nothing.")
    ids = [nth("PENDING", number) for number in MANY]
    journals = Journals("default", ids)

    found = [journals.take(pk) for pk in reversed(ids)]

    assert Cost.of(executed) == Cost(1, 0, 0)
    assert len(found) == len(MANY) <= TOGETHER


WAITED_FOR = WaitRow("", 9, message_target(HELD, "topic"))
# On PostgreSQL to suspend, and to wake, is one statement each; either side looks at
# what the other one did before that, or after it.
SUSPENDED = {"postgresql": Cost(1, 0, 1), "sqlite": Cost(4, 0, 1)}
WOKEN = {"postgresql": Cost(1, 1, 1), "sqlite": Cost(3, 1, 1)}


@pytest.mark.parametrize("more", [0, 1])
def test_a_suspension_is_one_commit_and_on_postgresql_one_statement(more, executed):
    waits = [WAITED_FOR, WaitRow("", 9, TIMER, clock.now())][: 1 + more]

    assert Wait.objects.suspend(HELD, 1, waits, wake_at=None)

    cost = Cost.of(executed)
    assert cost == SUSPENDED[connection.vendor], executed


def test_to_wake_is_one_commit_and_on_postgresql_one_statement(executed):
    Wait.objects.suspend(HELD, 1, [WAITED_FOR], wake_at=None)
    executed.clear()

    assert Wait.objects.wake([WAITED_FOR.target.name]) == 1

    assert Cost.of(executed) == WOKEN[connection.vendor], executed


class Idlers:
    """A worker that executes nothing, and notes what it should begin."""

    is_busy = False

    def __init__(self):
        self.begun = []

    def free_slots(self, *, is_async):
        return 200 if is_async else 16

    def pairs(self, *, is_async=None):
        return [("sync", "1")] * (is_async is not True) + [("async", "1")]

    def begin(self, row, journals):
        self.begun.append((row.id, journals))


@pytest.fixture
def limits(monkeypatch):
    """The limits of the claims that are made; they take two rows again, one anew."""
    noted = []

    def claim(self, *args, limit, **options):
        noted.append(limit)
        claims = {"a": 2, "b": 3, "c": 1}
        return Taking(
            Claimed(pk, "sync", "1", "json:[{}]", n) for pk, n in claims.items()
        )

    monkeypatch.setattr(type(Workflow.objects.all()), "claim", claim)
    return noted


def test_a_worker_claims_at_once_for_both_kinds_and_has_journals_read_together(limits):
    staff = Idlers()
    lease = SimpleNamespace(is_held=True, worker_id=HELD)
    stopping = threading.Event()
    dispatcher = Dispatcher(
        "default", staff, lease, queues=None, alone=None, stopping=stopping
    )

    dispatcher._look()

    assert limits == [16]
    assert [pk for pk, _ in staff.begun] == ["a", "b", "c"]
    ((_, journals), (_, same), _) = staff.begun
    assert journals is same is not None
