"""Limits of queues hold whoever claims, and changes them, at the same time."""

from collections.abc import Callable

import pytest
from django.db import connections, transaction

from django_durable.models import Queue, QueueStart, Workflow, claiming
from django_durable.models.claims import Taking
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock
from tests.emptying import empty
from tests.interleaving import Elsewhere, meetings, needs_row_locks
from tests.racing import CODE, clean, noting

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = [{"concurrency": 2}, {"rate": 2, "period": 60}]
GATE = 0x6C696D69


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread, whose clock is stopped."""
    return Driver(movable, CODE)


@pytest.fixture
def other(driver: Driver) -> Driver:
    return Driver(driver.clock, CODE)


@pytest.fixture
def gated(monkeypatch):
    """Claims within limits stop when they have counted, while a gate is shut."""
    needs_row_locks()
    gate = f"(SELECT pg_advisory_xact_lock({GATE})) AS gate CROSS JOIN room"
    text = claiming._CLAIM_WITHIN_LIMITS
    assert text.count("FROM room JOIN") == 1
    text = text.replace("FROM room JOIN", f"FROM {gate} JOIN")
    monkeypatch.setattr(claiming, "_CLAIM_WITHIN_LIMITS", text)


def ready(**limits: object) -> None:
    """Have four workflows ready, and limits for their queue."""
    empty(connections[USING], (Queue, QueueStart))
    clean()
    for pk in "abcd":
        noting.using(workflow_id=pk, queue_name="reports").start()
    Queue.objects.limit("reports", **limits)


def claim(driver: Driver, limit: int = 9) -> Taking:
    return Workflow.objects.claim(
        driver.worker_id, driver._pairs, limit=limit, expects_limits=True
    )


def passing(act: Callable[[], object], driver: Driver) -> Taking:
    """Return what a claim takes that has counted before something was done."""
    with transaction.atomic():
        with connections[USING].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GATE])
        late = Elsewhere(lambda: claim(driver))
        late.let_run()
        act()
    return late.result()


def running() -> int:
    return Workflow.objects.filter(status="PENDING").count()


def suspect(pk: str) -> None:
    Workflow.objects.filter(pk=pk).update(stalls=2)


@pytest.mark.parametrize("limits", LIMITS)
def test_two_claims_take_no_more_together_than_one(limits, driver, other):
    for met in meetings(
        lambda: ready(**limits), lambda: claim(driver), lambda: claim(other)
    ):
        assert len(met.here) + len(met.there) == running() == 2, met.point


@pytest.mark.parametrize("limits", LIMITS)
def test_a_claim_waits_for_no_other_and_counts_nothing_that_is_not_committed(
    limits, driver, other
):
    needs_row_locks()
    ready(**limits)

    with transaction.atomic():
        claim(driver, 1)
        beside = Elsewhere(lambda: claim(other))
        beside.let_run()
        passed = beside.result()

    assert (passed, [held.is_busy for held in passed.held_back]) == ([], [True])
    assert len(claim(other)) == 1


@pytest.mark.parametrize("limits", LIMITS)
def test_a_claim_that_has_counted_before_another_committed_takes_nothing(
    limits, gated, driver, other
):
    ready(**limits)

    late = passing(lambda: claim(driver, 1), other)

    assert (late, [held.is_busy for held in late.held_back]) == ([], [True])
    assert len(claim(other)) == 1


@pytest.mark.parametrize("limits", [{"concurrency": 1}, {"concurrency": 4}, {}])
def test_a_claim_that_has_counted_before_the_limits_changed_takes_nothing(
    limits, gated, driver
):
    ready(concurrency=2)

    late = passing(lambda: Queue.objects.limit("reports", **limits), driver)

    assert late == []
    assert len(claim(driver)) == limits.get("concurrency", 4)


def test_a_claim_that_has_counted_before_a_pause_takes_nothing(gated, driver):
    ready(concurrency=2)

    assert passing(lambda: Queue.objects.pause("reports"), driver) == []


def test_limits_that_were_lifted_and_set_again_are_not_counted_by_an_old_look(
    gated, driver, other
):
    ready(concurrency=2)

    def take_unlimited() -> None:
        Queue.objects.limit("reports")
        assert len(claim(other, 3)) == 3
        Queue.objects.limit("reports", concurrency=2)

    assert passing(take_unlimited, driver) == []
    assert running() == 3


def test_no_claim_takes_more_than_a_lower_limit_after_its_commit(driver):
    before = []

    def lower() -> int:
        Queue.objects.limit("reports", concurrency=1)
        return running()

    for met in meetings(lambda: ready(concurrency=3), lambda: claim(driver), lower):
        before.append(met.there)
        assert running() <= max(met.there, 1), met.point

    assert before[0] == 0


def test_a_suspect_and_the_others_keep_to_the_limit_together(driver, other):
    def with_suspect() -> None:
        ready(concurrency=1)
        suspect("a")

    def take_alone() -> list[object]:
        return Workflow.objects.claim_suspect(other.worker_id, "a", other._pairs)

    for met in meetings(with_suspect, take_alone, lambda: claim(driver)):
        assert len(met.here) + len(met.there) == running() <= 1, met.point


def test_a_suspect_is_not_waited_for_by_those_who_claim(driver, other):
    needs_row_locks()
    ready(concurrency=2)
    suspect("a")

    with transaction.atomic():
        Workflow.objects.claim_suspect(other.worker_id, "a", other._pairs)
        beside = Elsewhere(lambda: claim(driver))
        beside.let_run()
        passed = beside.result()

    assert (passed, running()) == ([], 1)
    assert len(claim(driver)) == 1
