"""Which workflows a worker takes, and in which order."""

import datetime as dt
import importlib

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import Workflow
from tests import workflows
from tests.running import COLD, result_of, row_of, wait_until, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = dt.timedelta(minutes=1)


@durable.workflow
def note(name):
    calls.append(name)
    return name


@durable.workflow
async def anote(name):
    calls.append(name)
    return name


@durable.workflow
def nap():
    durable.sleep(0.3)
    return "awake"


@pytest.fixture
def no_slow_looks(monkeypatch, settings):
    """Nothing is found by looking now and then: timers and hints have to work."""
    settings.DURABLE = COLD
    module = importlib.import_module("django_durable.wakeup.hub")
    monkeypatch.setattr(module, "SLOW_LOOK_SECONDS", 3600)


def test_a_timer_wakes_by_itself(no_slow_looks):
    with worker():
        assert result_of(nap.start()) == "awake"


def test_a_delayed_workflow_begins_by_itself(no_slow_looks):
    with worker() as running:
        wait_until(lambda: running.is_idle)
        delayed = note.using(run_after=dt.timedelta(seconds=0.3)).start("late")
        assert result_of(delayed) == "late"


@pytest.mark.parametrize("definition", [note, anote])
def test_the_largest_priority_goes_first_then_the_oldest(definition):
    now = clock.now()
    for name, priority, age in [
        ("low", -5, 9),
        ("young", 0, 1),
        ("old", 0, 3),
        ("high", 5, 0),
        ("middle", 0, 2),
    ]:
        definition.using(priority=priority, run_after=now - age * MINUTE).start(name)

    with worker(concurrency=1, async_concurrency=1) as running:
        wait_until(lambda: len(calls) == 5 and running.is_idle)

    assert calls == ["high", "old", "middle", "young", "low"]


def test_priority_counts_across_queues():
    now = clock.now()
    for queue, priority, age in [("a", 0, 9), ("b", 5, 0), ("a", 5, 1), ("c", 0, 5)]:
        options = {"queue_name": queue, "priority": priority}
        options["run_after"] = now - age * MINUTE
        note.using(**options).start(f"{queue}{priority}")

    with worker(concurrency=1):
        wait_until(lambda: len(calls) == 4)

    assert calls == ["a5", "b5", "a0", "c0"]


def test_a_worker_takes_from_its_queues_only():
    handles = {queue: note.using(queue_name=queue).start(queue) for queue in "abc"}

    with worker(queues=["a", "c"]):
        assert result_of(handles["a"]) == "a"
        assert result_of(handles["c"]) == "c"

    assert row_of(handles["b"]).status == Workflow.Status.ENQUEUED
    assert row_of(handles["b"]).claim == 0


def test_a_worker_without_queues_takes_from_all():
    handles = [note.using(queue_name=queue).start(queue) for queue in "abc"]

    with worker():
        assert [result_of(handle) for handle in handles] == ["a", "b", "c"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"concurrency": 0}, ValueError),
        ({"concurrency": -1}, ValueError),
        ({"concurrency": True}, ValueError),
        ({"async_concurrency": "5"}, ValueError),
        ({"queues": [""]}, ValueError),
        ({"queues": [5]}, TypeError),
        ({"queues": ["a,b"]}, ValueError),
    ],
)
def test_a_worker_refuses_options_that_cannot_be_meant(options, error):
    (name,) = options

    with pytest.raises(error, match="queue" if name == "queues" else name):
        worker(**options)


def test_what_this_worker_has_no_code_for_is_not_touched(settings):
    settings.DURABLE = {"APP_VERSION": "1"}
    unknown = durable.start_workflow("shop.checkout", 1)

    with worker() as running:
        assert result_of(workflows.total.start(1, 2)) == 3
        wait_until(lambda: running.is_idle)
        assert list(Workflow.objects.stranded()) == [row_of(unknown)]

    assert row_of(unknown).claim == 0


def test_a_worker_that_leaves_lets_the_next_one_go_on():
    first = worker()
    with first:
        assert result_of(note.start("first")) == "first"

    later = note.start("second")
    with worker() as second:
        assert result_of(later) == "second"
        assert second.worker_id != first.worker_id


def test_a_worker_passes_by_a_paused_queue_and_begins_at_once_when_it_goes_on(
    no_slow_looks,
):
    durable.pause_queue("reports")

    with worker() as running:
        held = note.using(queue_name="reports").start("held")
        assert result_of(note.start("other")) == "other"
        wait_until(lambda: not running.is_busy)
        waiting = row_of(held)
        assert durable.resume_queue("reports")
        assert result_of(held) == "held"

    assert (waiting.status, waiting.claim) == (Workflow.Status.ENQUEUED, 0)
    assert calls == ["other", "held"]
