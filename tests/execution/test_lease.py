"""Leases that are lost, closed and needed again, and rows queued at the end."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from django_durable import clock, conf
from django_durable.execution import direct
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.execution.lease import Lease
from django_durable.models import Worker, Workflow
from django_durable.models.checkpoint import Verdict
from django_durable.models.outcome import Outcome
from tests import workflows
from tests.interleaving import Elsewhere, elsewhere
from tests.running import PATIENCE, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class WatchedLock:
    """A lock that tells whether somebody has had to wait for it."""

    def __init__(self):
        self._lock = threading.Lock()
        self.was_waited_for = False

    def __enter__(self):
        if not self._lock.acquire(blocking=False):
            self.was_waited_for = True
            assert self._lock.acquire(timeout=PATIENCE)

    def __exit__(self, *exc_info):
        self._lock.release()


class OvertakenLock:
    """A lock before whose first taking another thread does something."""

    def __init__(self, act):
        self._lock = threading.Lock()
        self._acts = [act]

    def __enter__(self):
        if self._acts:
            elsewhere(self._acts.pop())
        self._lock.acquire()

    def __exit__(self, *exc_info):
        self._lock.release()


@pytest.fixture
def direct_lease():
    """A process's lease for direct calls."""
    made = direct.DirectLease()
    yield made
    made.close()


@pytest.fixture
def lease():
    """A lease that the test itself renews, for a process that may be stuck."""
    made = Lease(
        "default",
        Worker.Kind.DIRECT,
        is_ticking=lambda: not made.is_stuck,
        on_lost=lambda: made.lost.append(made.worker_id),
    )
    made.is_stuck, made.lost = False, []
    made._register()  # open() would begin to renew it in the background.
    yield made
    made.close()


def seconds_before_now(seconds):
    return Worker.objects.database_now() - timedelta(seconds=seconds)


def live_ids():
    return list(Worker.objects.live().values_list("pk", flat=True))


def be_idle_for_long(lease):
    lease._idle_since -= 2 * direct.LINGER_SECONDS


def test_two_renewals_at_once_agree_on_one_id(monkeypatch):
    others = []

    def renew():
        lease.renew()
        return lease.worker_id

    def renew_elsewhere():
        if not others:
            others.append(Elsewhere(renew))
            thread = others[0]._thread
            wait_until(lambda: lock.was_waited_for or not thread.is_alive())

    lease = Lease("default", Worker.Kind.DIRECT, on_lost=renew_elsewhere)
    lock = WatchedLock()
    monkeypatch.setattr(lease, "_renewing", lock)
    first = lease.open()
    Worker.objects.filter(pk=first).update(state=Worker.State.DEAD)

    lease.beat()

    try:
        assert others[0].result() == lease.worker_id != first
        assert live_ids() == [lease.worker_id]
    finally:
        lease.close()


def test_a_heartbeat_renews_the_lease(lease):
    earlier = seconds_before_now(conf.current().lease / 2)
    Worker.objects.update(heartbeat_at=earlier)

    lease.beat()

    assert Worker.objects.get().heartbeat_at > earlier
    assert lease.is_held


def test_a_heartbeat_tells_the_memory_in_the_statement_that_renews(lease):
    lease._resident_bytes = lambda: 3 * 2**31

    texts = []

    def note(execute, sql, *others):
        texts.append(sql)
        return execute(sql, *others)

    with connection.execute_wrapper(note):
        lease.beat()

    (renewal,) = (text for text in texts if text.startswith("UPDATE"))
    assert 'SET "heartbeat_at" = ' in renewal
    assert Worker.objects.get().rss_bytes == 3 * 2**31
    # Around it PostgreSQL is asked for the time, as before.
    texts.remove(renewal)
    assert set(texts) <= {"SELECT clock_timestamp()"}
    assert len(texts) <= 2


def test_a_lease_tells_the_memory_from_its_first_moment(lease):
    assert Worker.objects.get().rss_bytes is None
    lease._resident_bytes = lambda: 5

    lease._register()

    assert Worker.objects.get(pk=lease.worker_id).rss_bytes == 5


def test_an_open_lease_is_renewed_in_the_background(settings):
    settings.DURABLE = {"HEARTBEAT": 0.02}
    lease = Lease("default", Worker.Kind.DIRECT)
    lease.open()

    try:
        opened = Worker.objects.get().heartbeat_at
        beaten = Worker.objects.filter(heartbeat_at__gt=opened)
        assert wait_until(beaten.exists, "a heartbeat")
    finally:
        lease.close()


def test_a_lease_that_has_run_out_cannot_be_renewed(lease):
    first = lease.worker_id
    long_ago = seconds_before_now(conf.current().lease + 1)
    Worker.objects.update(heartbeat_at=long_ago)

    lease.beat()

    assert lease.lost == [first]
    assert lease.worker_id != first
    assert live_ids() == [lease.worker_id]
    assert Worker.objects.get(pk=first).heartbeat_at == long_ago


def test_a_process_whose_loops_are_stuck_does_not_renew_its_lease(lease):
    earlier = seconds_before_now(conf.current().lease / 2)
    Worker.objects.update(heartbeat_at=earlier)
    lease.is_stuck = True

    lease.beat()

    assert Worker.objects.get().heartbeat_at == earlier


def test_a_heartbeat_sets_the_clock_by_the_databases(monkeypatch, lease):
    wrong = clock.Clock()
    wrong._base += timedelta(days=3650).total_seconds()
    monkeypatch.setattr(clock, "_clock", wrong)

    lease.beat()

    assert abs(wrong.now() - Worker.objects.database_now()) < timedelta(hours=1)


def test_a_heartbeat_that_takes_long_does_not_set_the_clock_back(lease):
    def wait(execute, sql, params, many, context):
        if 'SET "heartbeat_at"' in sql:
            time.sleep(0.3)  # As for a lock.
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wait):
        lease.beat()

    assert Worker.objects.database_now() - clock.now() < timedelta(seconds=0.2)


def test_an_answer_that_takes_long_does_not_change_the_clock():
    exact, asked_at = clock.Clock(), clock.monotonic()
    exact.synchronize(NOON)
    before = exact._base

    exact.synchronize(NOON - timedelta(hours=1), asked_at=asked_at - 7200)

    assert exact._base == before


def test_an_answer_that_contradicts_the_clock_sets_it():
    wrong, asked_at = clock.Clock(), clock.monotonic()
    wrong.synchronize(NOON)

    wrong.synchronize(NOON + timedelta(hours=1), asked_at=asked_at)
    assert abs(wrong.now() - NOON - timedelta(hours=1)) < timedelta(minutes=1)

    wrong.synchronize(NOON - timedelta(hours=1), asked_at=asked_at)
    assert abs(wrong.now() - NOON + timedelta(hours=1)) < timedelta(minutes=1)


def test_a_lease_for_direct_calls_ends_after_long_idleness(direct_lease):
    direct_lease.worker_id("default")
    be_idle_for_long(direct_lease)

    direct_lease._close_when_idle()

    assert live_ids() == []


def test_a_lease_for_direct_calls_that_is_used_again_is_not_closed(direct_lease):
    first = direct_lease.worker_id("default")
    be_idle_for_long(direct_lease)

    again = direct_lease.worker_id("default")
    direct_lease._close_when_idle()

    assert again == first
    assert live_ids() == [first]


def test_a_lease_for_direct_calls_is_not_closed_while_one_runs(direct_lease):
    first = direct_lease.worker_id("default")
    direct_lease.executions.add(object())
    be_idle_for_long(direct_lease)

    direct_lease._close_when_idle()

    assert live_ids() == [first]


def test_a_call_that_overtakes_the_closing_of_an_idle_lease_keeps_it(
    monkeypatch, direct_lease
):
    first = direct_lease.worker_id("default")
    be_idle_for_long(direct_lease)
    lock = OvertakenLock(lambda: direct_lease.worker_id("default"))
    monkeypatch.setattr(direct_lease, "_lock", lock)

    direct_lease._close_when_idle()

    assert live_ids() == [first]


def test_a_call_that_comes_while_an_idle_lease_is_closed_has_a_live_one(
    monkeypatch, direct_lease
):
    given = []
    close = Lease.close

    def close_while_called(lease):
        if not given:
            given.append(elsewhere(lambda: direct_lease.worker_id("default")))
        close(lease)

    first = direct_lease.worker_id("default")
    be_idle_for_long(direct_lease)
    monkeypatch.setattr(Lease, "close", close_while_called)

    direct_lease._close_when_idle()

    assert given != [first]
    assert live_ids() == given


def test_rows_that_are_queued_when_the_writer_closes_are_written(monkeypatch):
    ids = [workflows.total.start(n).workflow_id for n in range(2)]
    Workflow.objects.update(status=Status.PENDING, claim=1)
    writer = CheckpointWriter("default", lambda: False)
    flushing, may_flush = threading.Event(), threading.Event()
    store = writer._store

    def store_later(rows):
        flushing.set()
        assert may_flush.wait(PATIENCE)
        return store(rows)

    def write(pk):
        ended = Outcome(pk, 1, Status.SUCCESS, None, None, clock.now())
        return Elsewhere(lambda: writer.write(ended))

    monkeypatch.setattr(writer, "_store", store_later)
    first = write(ids[0])
    assert flushing.wait(PATIENCE)
    second = write(ids[1])
    wait_until(lambda: writer._queue, "a queued row")

    writer.close()
    may_flush.set()

    verdicts = [write.result().verdict for write in (first, second)]
    assert verdicts == [Verdict.RECORDED] * 2
    assert Workflow.objects.filter(status=Status.SUCCESS).count() == 2
