"""Workers beside limits: they go on when a place is free, and do not spin."""

import datetime as dt
import importlib
import math
import uuid
from types import SimpleNamespace

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import Queue, Workflow
from django_durable.models.claims import HeldBack, Taking
from django_durable.worker import held_queues
from django_durable.worker.dispatcher import Dispatcher
from django_durable.worker.held_queues import HeldQueues
from tests import workflows
from tests.running import result_of, worker

pytestmark = pytest.mark.django_db(transaction=True)

FULL = Taking((), [HeldBack("few", is_full=True)])
BUSY = Taking((), [HeldBack("few", is_busy=True)])


@durable.workflow(queue_name="few")
def note(name):
    workflows.calls.append((name, running()))  # durable: ignore
    return name


@durable.workflow(queue_name="few")
async def achild():
    return "child"


@durable.workflow(queue_name="few")
async def aparent():
    return await (await achild.astart()).aget_result()


@durable.workflow(queue_name="few")
def parent():
    return note.start("child").get_result()


def running():
    return Workflow.objects.filter(status="PENDING", queue_name="few").count()


@pytest.fixture(autouse=True)
def no_slow_looks(monkeypatch):
    """Nothing is found by looking now and then."""
    module = importlib.import_module("django_durable.wakeup.hub")
    monkeypatch.setattr(module, "SLOW_LOOK_SECONDS", 3600)


@pytest.fixture
def claims(monkeypatch):
    """The claims that are made, as numbers of what they took."""
    rows, made = type(Workflow.objects.all()), []
    claim = rows.claim

    def counted(self, *args, **options):
        taking = claim(self, *args, **options)
        made.append(len(taking))
        return taking

    monkeypatch.setattr(rows, "claim", counted)
    return made


def test_a_worker_fills_the_free_places_of_a_full_queue_and_does_not_spin(claims):
    durable.limit_queue("few", concurrency=1)
    handles = [note.start(number) for number in range(6)]

    with worker(concurrency=4):
        results = [result_of(handle) for handle in handles]

    assert results == list(range(6))
    assert [count for _, count in workflows.calls] == [1] * 6
    assert max(claims) == 1
    assert len(claims) <= 4 * 6, claims


def test_a_worker_starts_the_next_when_the_rate_lets_it_and_does_not_spin(claims):
    durable.limit_queue("few", rate=2, period=0.15)
    handles = [note.start(number) for number in range(5)]

    with worker(concurrency=4):
        results = [result_of(handle) for handle in handles]

    begun = sorted(Workflow.objects.values_list("started_at", flat=True))
    assert results == list(range(5))
    assert all(
        later - earlier >= dt.timedelta(seconds=0.15)
        for earlier, later in zip(begun, begun[2:], strict=False)
    )
    assert len(claims) <= 4 * 5, claims


def test_a_limit_that_is_lifted_is_heard_of_at_once():
    durable.limit_queue("few", concurrency=0)

    with worker():
        handle = note.start("held")
        assert result_of(workflows.total.start(1, 2)) == 3
        waiting = Workflow.objects.get(pk=handle.workflow_id)
        durable.limit_queue("few", concurrency=3)
        assert result_of(handle) == "held"

    assert (waiting.status, waiting.claim) == ("ENQUEUED", 0)


@pytest.mark.parametrize("definition", [parent, aparent])
def test_whoever_waits_for_its_own_queue_leaves_its_place_at_once(definition, settings):
    settings.DURABLE = {"HOT_WAIT": 3600, "ASYNC_HOT_WAIT": 3600}
    durable.limit_queue("few", concurrency=1)

    with worker():
        assert result_of(definition.start()) == "child"


def test_a_direct_call_that_waits_for_its_own_queue_leaves_a_place_there():
    durable.limit_queue("few", concurrency=1)

    with worker():
        assert parent() == "child"


@pytest.mark.parametrize("limits", [{"concurrency": 0}, {"rate": 1, "period": 3600}])
def test_a_worker_rests_while_limits_hold_everything_back(limits, claims):
    Queue.objects.limit("reports", **limits)
    for _ in range(2):
        workflows.total.using(queue_name="reports").start(1, 2)
    pairs = [(workflows.total.name, "*")]
    staff = SimpleNamespace(
        free_slots=lambda **_: 4, pairs=lambda **_: pairs, begin=lambda *_: None
    )
    lease = SimpleNamespace(is_held=True, worker_id=uuid.uuid4())
    stopping = SimpleNamespace(is_set=lambda: False)
    dispatcher = Dispatcher(
        "default", staff, lease, queues=None, alone=None, stopping=stopping
    )
    while not dispatcher._look():
        pass  # What the rate lets start.
    claims.clear()

    rests = [dispatcher._look() for _ in range(3)]

    assert dispatcher.is_idle
    assert min(rests) > 0.5
    assert claims == []


@pytest.mark.once
def test_a_place_that_became_free_while_a_claim_was_counting_is_looked_at():
    held, now = HeldQueues(), clock.now()
    held.begin()
    assert not held.note_place("few")
    held.note(FULL, now)

    assert held.may_have_gone(clock.monotonic())
    assert not held.may_have_gone(clock.monotonic())
    assert held.note_place("few")
    assert not held.note_place("other")
    assert held.may_have_gone(clock.monotonic())


@pytest.mark.once
def test_whoever_is_disturbed_again_and_again_asks_less_and_less_often():
    held, now = HeldQueues(), clock.now()
    rests = []
    for _ in range(9):
        held.begin()
        held.note(BUSY, now)
        rests.append(held.seconds_left(clock.monotonic()))
    held.begin()
    held.note(Taking(), now)

    assert 0 < rests[0] < 0.02 < 0.2 < rests[-1] < 2
    assert held.seconds_left(clock.monotonic()) == math.inf


@pytest.mark.once
def test_limits_are_expected_for_a_minute_after_they_were_met(monkeypatch):
    held, now = HeldQueues(), clock.now()
    before = held.are_expected
    held.note(Taking(has_met_limits=True), now)
    met = held.are_expected
    monkeypatch.setattr(held_queues, "EXPECTED_SECONDS", 3600)
    held.note(Taking(has_met_limits=True), now)  # A claim that expected them says so.

    assert (before, met) == (False, True)
    assert held._expected_until < clock.monotonic() + 61
