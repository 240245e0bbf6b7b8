"""Races with a decided outcome: the other side acts at every point of this one."""

import pytest
from django.db import transaction

from django_durable.models import Step, Workflow
from django_durable.models.claims import Claimed
from django_durable.models.status import ACTIVE
from tests.crash.driver import Driver, MovableClock
from tests.interleaving import Elsewhere, elsewhere, meetings, needs_row_locks
from tests.models import Entry
from tests.racing import (
    CODE,
    calling,
    cancel,
    claim,
    clean,
    entries,
    let_die,
    name_of,
    napping,
    noting,
    queue,
    row,
    starting,
    take_over,
    writing,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def stopped(movable: MovableClock) -> None:
    """Stop the clock for every test."""


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread."""
    return Driver(movable, CODE)


# Starts.


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_two_concurrent_starts_with_one_id_give_one_workflow(is_rolled_back):
    def start():
        return noting.using(workflow_id="w").start().created

    with transaction.atomic():
        first = start()
        second = Elsewhere(start)
        second.let_run()
        transaction.set_rollback(is_rolled_back)

    assert (first, second.result()) == (True, is_rolled_back)
    assert Workflow.objects.count() == 1


def test_a_transaction_that_rolls_back_leaves_no_workflow(driver):
    def view():
        with transaction.atomic():
            Entry.objects.create(key="view")
            noting.using(workflow_id="w").start()
            raise RuntimeError("the view fails")

    with pytest.raises(RuntimeError):
        view()

    assert elsewhere(Workflow.objects.count) == 0
    assert elsewhere(driver.claim) == []


def test_a_savepoint_that_rolls_back_takes_its_workflow_along(driver):
    def inner():
        with transaction.atomic():
            noting.using(workflow_id="lost").start()
            raise RuntimeError("the inner block fails")

    with transaction.atomic():
        noting.using(workflow_id="kept").start()
        with pytest.raises(RuntimeError):
            inner()
        assert elsewhere(Workflow.objects.count) == 0

    assert [claimed.id for claimed in elsewhere(driver.claim)] == ["kept"]


# Claims.


def test_two_claims_never_take_the_same_workflow(driver, movable):
    other = Driver(movable, CODE)

    def three_ready():
        clean()
        for pk in ("u", "v", "w"):
            noting.using(workflow_id=pk).start()

    for met in meetings(three_ready, driver.claim, other.claim):
        taken = [claimed.id for claimed in met.here + met.there]
        assert len(taken) == len(set(taken)), met.point
        assert len(taken) >= 2, met.point


def test_a_claim_passes_by_what_somebody_else_has_locked(driver):
    needs_row_locks()
    for pk in ("locked", "free"):
        noting.using(workflow_id=pk).start()

    with transaction.atomic():
        Workflow.objects.select_for_update().get(pk="locked")
        claims = Elsewhere(driver.claim)
        claims.let_run()
        status = row("free").status

    assert status == "PENDING"
    assert [claimed.id for claimed in claims.result()] == ["free"]


# Cancellation.


def test_a_late_wake_does_not_resurrect_a_cancelled_workflow(driver, movable):
    def sleeping():
        queue(napping)
        driver.work()
        movable.move_to(row().wake_at)

    for met in meetings(sleeping, Workflow.objects.wake_due, cancel):
        assert met.there == [], met.point
        assert row().status == "CANCELLED", met.point
        assert driver.claim() == []


def test_a_wake_with_old_candidates_does_not_resurrect_a_cancelled_workflow(driver):
    def sleeping():
        queue(napping)
        driver.work()

    def wake():
        return Workflow.objects.requeue_waiting(["w"])

    for met in meetings(sleeping, wake, cancel):
        assert met.there == [], met.point
        assert row().status == "CANCELLED", met.point


def test_a_wake_that_met_an_open_cancellation_does_not_undo_it(driver):
    def sleeping():
        queue(napping)
        driver.work()

    def wake():
        return Workflow.objects.requeue_waiting(["w"])

    for met in meetings(sleeping, cancel, wake):
        assert met.here == [], met.point
        assert row().status == "CANCELLED", met.point


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("definition", [writing, napping, noting], ids=name_of)
def test_nothing_of_an_execution_commits_after_a_cancellation(
    driver, definition, is_reversed
):
    taken: list[Claimed] = []

    def held():
        queue(definition)
        taken[:] = [claim(driver)]

    def execute():
        driver.run(taken[0])

    sides = (cancel, execute) if is_reversed else (execute, cancel)
    for met in meetings(held, *sides):
        stood = met.here if is_reversed else met.there
        if stood is None:
            assert row().status == "SUCCESS", met.point
        else:
            assert row().status == "CANCELLED", met.point
            assert entries() == stood, met.point


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("definition", [starting, calling], ids=name_of)
def test_a_child_that_starts_during_a_cancellation_is_not_left_active(
    driver, definition, is_reversed
):
    taken: list[Claimed] = []

    def held():
        queue(definition)
        taken[:] = [claim(driver)]

    def execute():
        driver.run(taken[0])

    sides = (cancel, execute) if is_reversed else (execute, cancel)
    for met in meetings(held, *sides):
        active = Workflow.objects.filter(status__in=ACTIVE)
        assert list(active.values_list("pk", "status")) == [], met.point
        stood = met.here if is_reversed else met.there
        assert stood is None or entries() == stood, met.point


# Zombies.


def standing(pks: list[str]) -> list[tuple[object, ...]]:
    """Return what a zombie may not change of workflows that it lost."""
    rows = Workflow.objects.filter(pk__in=pks).order_by("pk")
    steps = Step.objects.filter(workflow_id__in=pks, kind=Step.Kind.TRANSACTION)
    return [
        *rows.values_list("pk", "status", "claim", "worker_id", "output"),
        *steps.order_by("workflow_id", "step_id").values_list("workflow_id", "step_id"),
    ]


@pytest.mark.parametrize("definition", [writing, napping, noting, calling], ids=name_of)
def test_a_zombie_changes_nothing(movable, definition):
    workers: list[Driver] = []
    taken: list[Claimed] = []

    def held():
        queue(definition)
        workers[:] = [Driver(movable, CODE), Driver(movable, CODE)]
        taken[:] = [claim(workers[0])]

    def taken_over():
        claimed = take_over(*workers)
        return claimed, standing([each.id for each in claimed])

    for met in meetings(held, lambda: workers[0].run(taken[0]), taken_over):
        claimed, then = met.there
        assert standing([each.id for each in claimed]) == then, met.point
        for each in claimed:
            workers[1].run(each)
        workers[1].recover()
        assert row().status == "SUCCESS", met.point
        assert len(entries()) == len(set(entries())), met.point


def test_a_zombie_adds_nothing_to_what_its_successor_has_finished(movable):
    workers: list[Driver] = []
    taken: list[Claimed] = []

    def held():
        queue(writing)
        workers[:] = [Driver(movable, CODE), Driver(movable, CODE)]
        taken[:] = [claim(workers[0])]

    def finished_by_other():
        for claimed in take_over(*workers):
            workers[1].run(claimed)

    for met in meetings(held, lambda: workers[0].run(taken[0]), finished_by_other):
        workers[1].recover()
        assert (row().status, row().output) == ("SUCCESS", 'json:"abcd"'), met.point
        assert entries() == ["b", "d"], met.point


# Recovery.


def test_two_recoveries_count_one_death(movable):
    def abandoned():
        queue(noting)
        dead = Driver(movable, CODE)
        claim(dead)
        let_die(dead)

    def recover():
        return len(Workflow.objects.requeue_abandoned())

    for met in meetings(abandoned, recover, recover):
        assert met.here + met.there == 1, met.point
        assert (row().status, row().stalls, row().claim) == ("ENQUEUED", 1, 2)


def test_a_recovery_leaves_a_workflow_that_a_live_worker_has_just_claimed(movable):
    live = Driver(movable, CODE)

    def abandoned():
        queue(noting)
        dead = Driver(movable, CODE)
        claim(dead)
        let_die(dead)

    def recover_and_claim():
        Workflow.objects.requeue_abandoned()
        return live.claim()

    recover = Workflow.objects.requeue_abandoned
    for met in meetings(abandoned, recover, recover_and_claim):
        assert row().stalls == 1, met.point
        if met.there:
            held = (row().status, row().worker_id, row().claim)
            assert held == ("PENDING", live.worker_id, met.there[0].claim), met.point


# Wake-ups.


def test_an_end_between_the_look_and_the_suspension_wakes_the_parent(driver, movable):
    other = Driver(movable, CODE)
    taken: list[Claimed] = []

    def parent_held():
        queue(starting)
        taken[:] = [claim(driver)]

    for met in meetings(parent_held, lambda: driver.run(taken[0]), other.work):
        driver.work()
        assert row().status == "SUCCESS", met.point
        assert entries() == ["child"], met.point


def test_a_suspension_while_the_child_ends_is_woken(driver, movable):
    other = Driver(movable, CODE)
    taken: list[Claimed] = []

    def both_held():
        queue(starting)
        driver.run(claim(driver))
        (below,) = driver.claim()
        Workflow.objects.requeue_waiting(["w"])
        (above,) = other.claim()
        taken[:] = [above, below]

    def suspend():
        other.run(taken[0])

    for met in meetings(both_held, lambda: driver.run(taken[1]), suspend):
        driver.work()
        assert row().status == "SUCCESS", met.point


def test_a_suspension_while_the_child_is_cancelled_is_woken(driver, movable):
    other = Driver(movable, CODE)
    taken: list[Claimed] = []

    def parent_held():
        queue(starting)
        driver.run(claim(driver))
        Workflow.objects.requeue_waiting(["w"])
        taken[:] = [held for held in other.claim() if held.id == "w"]

    def cancel_child():
        return Workflow.objects.cancel_one("w/1")

    for met in meetings(parent_held, cancel_child, lambda: other.run(taken[0])):
        driver.work()
        assert (met.here, row().status) == (True, "ERROR"), met.point
