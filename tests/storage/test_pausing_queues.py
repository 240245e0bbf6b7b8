"""Queues that somebody has paused: what waits there, and what goes on."""

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils.translation import gettext_lazy

import django_durable as durable
from django_durable import clock
from django_durable.models import Queue, Workflow
from django_durable.testing import run_until_idle, virtual_time
from django_durable.worker.dispatcher import Dispatcher
from tests import workflows

pytestmark = pytest.mark.django_db

Status = Workflow.Status
PAIRS = [(workflows.total.name, "*")]
WORKER = uuid.uuid4()


@durable.workflow
def nap():
    durable.sleep(60)
    return "awake"


@durable.workflow
def listen():
    return durable.recv("news")


def start(pk, queue_name, definition=workflows.total, **options):
    options = {"workflow_id": pk, "queue_name": queue_name, **options}
    return definition.using(**options).start()


def claim(queues=None):
    claimed = Workflow.objects.claim(WORKER, PAIRS, limit=9, queues=queues)
    return {row.id for row in claimed}


def status_of(handle):
    return Workflow.objects.get(pk=handle.workflow_id).status


def test_a_queue_is_paused_and_resumed_once():
    took = [
        durable.pause_queue("reports", "the disk is full"),
        durable.pause_queue("reports", "so they say"),
    ]
    row = Queue.objects.paused().get()
    back = [durable.resume_queue("reports"), durable.resume_queue("reports")]

    assert (took, back) == ([True, False], [True, False])
    assert (row.name, row.pause_reason, row.paused_by) == (
        "reports",
        "the disk is full",
        "",
    )
    assert abs(clock.now() - row.paused_at) < dt.timedelta(minutes=1)
    assert not durable.resume_queue("another")
    after = Queue.objects.get()
    assert (after.paused_at, after.paused_by, after.pause_reason) == (None, "", "")
    assert Queue.objects.pause("reports", by="ana")
    assert Queue.objects.get().paused_by == "ana"


def test_a_reason_may_be_translated_only_now_and_a_user_be_named_by_a_number():
    assert Queue.objects.pause("reports", gettext_lazy("moving"), by=7)

    paused = Queue.objects.get()
    assert (paused.paused_by, paused.pause_reason) == ("7", "moving")


@pytest.mark.parametrize("name", ["", " ", "a,b", "a\nb", "x" * 65, "a\0"])
@pytest.mark.parametrize("switch", [durable.pause_queue, durable.resume_queue])
def test_what_cannot_be_the_name_of_a_queue_is_refused(name, switch):
    with pytest.raises(ValueError, match="queue_name"):
        switch(name)

    assert not Queue.objects.exists()


@pytest.mark.parametrize("queues", [None, ["reports", "default", "a/b@c:d"]])
def test_nothing_is_taken_from_a_queue_while_it_is_paused(queues):
    for pk, name in zip("abc", ("default", "reports", "a/b@c:d"), strict=True):
        start(pk, name)
    durable.pause_queue("reports")
    durable.pause_queue("a/b@c:d")

    taken = [claim(queues)]
    durable.resume_queue("reports")
    taken.append(claim(queues))
    durable.resume_queue("a/b@c:d")
    taken.append(claim(queues))

    assert taken == [{"a"}, {"b"}, {"c"}]


def test_a_suspect_of_a_paused_queue_is_left_alone():
    start("killer", "reports")
    Workflow.objects.update(stalls=2)
    durable.pause_queue("reports")

    def found():
        first = Workflow.objects.first_suspect(PAIRS, None)
        taken = Workflow.objects.claim_suspect(WORKER, "killer", PAIRS)
        return first, [row.id for row in taken]

    paused = found()
    durable.resume_queue("reports")

    assert paused == (None, [])
    assert found() == ("killer", ["killer"])


def test_a_claim_asks_no_more_often_because_a_queue_is_paused():
    start("a", "default")
    start("b", "reports")
    durable.pause_queue("reports")
    asked = []

    def note(execute, text, params, many, context):
        if "SAVEPOINT" not in text:
            asked.append(text)
        return execute(text, params, many, context)

    with connection.execute_wrapper(note):
        assert claim(["reports"]) == set()
        idle = len(asked)
        assert claim() == {"a"}

    if connection.vendor == "postgresql":
        assert (idle, len(asked)) == (1, 2)
    else:
        # A look and the queues; the same, one head, the change, the taken: of ten
        # thousand paused queues no head is read either.
        assert (idle, len(asked)) == (2, 2 + 5)


def test_a_worker_is_idle_while_all_that_is_ready_is_in_paused_queues():
    start("a", "reports")
    start("later", "reports", run_after=dt.timedelta(hours=1))
    durable.pause_queue("reports")
    staff = SimpleNamespace(free_slots=lambda **_: 4, pairs=lambda **_: PAIRS)
    lease = SimpleNamespace(is_held=True, worker_id=WORKER)
    stopping = SimpleNamespace(is_set=lambda: False)
    dispatcher = Dispatcher(
        "default", staff, lease, queues=None, alone=None, stopping=stopping
    )

    rests = [dispatcher._look() for _ in range(2)]

    assert dispatcher.is_idle
    assert min(rests) > 0.01


def test_what_is_started_into_a_paused_queue_waits_for_its_end():
    durable.pause_queue("reports")
    held, other = start("held", "reports"), start("other", "default")

    executed = [run_until_idle()]
    waiting = status_of(held), status_of(other)
    durable.resume_queue("reports")
    executed.append(run_until_idle())

    assert executed == [1, 1]
    assert waiting == (Status.ENQUEUED, Status.SUCCESS)
    assert status_of(held) == Status.SUCCESS


def test_what_waits_in_a_paused_queue_is_woken_and_then_stays_there():
    with virtual_time() as time:
        handles = [start("nap", "reports", nap), start("hear", "reports", listen)]
        run_until_idle()
        durable.pause_queue("reports")
        durable.send("hear", "it rains", "news")
        time.advance(61)
        executed = run_until_idle()
        woken = [status_of(handle) for handle in handles]
        durable.resume_queue("reports")
        run_until_idle()

    assert (executed, woken) == (0, [Status.ENQUEUED] * 2)
    assert [handle.get_result() for handle in handles] == ["awake", "it rains"]


def test_cancelling_and_deadlines_work_in_a_paused_queue():
    with virtual_time() as time:
        durable.pause_queue("reports")
        late = start("late", "reports", timeout=30)
        start("unwanted", "reports")
        durable.cancel_workflow("unwanted", "enough")
        time.advance(31)
        run_until_idle()

    found = dict(Workflow.objects.values_list("pk", "cancel_reason"))
    assert status_of(late) == Status.CANCELLED
    assert found == {"late": "deadline", "unwanted": "enough"}


def test_a_direct_call_is_its_callers_and_waits_for_no_queue():
    durable.pause_queue("default")

    assert workflows.total(1, 2) == 3
