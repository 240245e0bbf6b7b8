"""Races about messages, and about wake-ups, with a decided outcome."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from django_durable.models import (
    EventHistory,
    Notification,
    Step,
    Workflow,
)
from django_durable.models.claims import Claimed
from tests import racing_talk as talk
from tests.crash.driver import Driver, MovableClock
from tests.interleaving import elsewhere, meetings, needs_row_locks
from tests.racing import claim, name_of, row, take_over
from tests.racing_talk import CODE, clean, queue, send

pytestmark = pytest.mark.django_db(transaction=True)

RECEIVERS = pytest.mark.parametrize(
    "definition", [talk.receiving, talk.areceiving, talk.choosing], ids=name_of
)
WAITERS = pytest.mark.parametrize(
    "definition",
    [
        talk.receiving,
        talk.choosing,
        talk.reading_event,
        talk.choosing_event,
        talk.reading_stream,
    ],
    ids=name_of,
)
BOTH_WAYS = pytest.mark.parametrize("is_reversed", [False, True])


@pytest.fixture(autouse=True)
def stopped(movable: MovableClock) -> None:
    """Stop the clock for every test."""


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread."""
    return Driver(movable, CODE)


# Zombies.


@RECEIVERS
def test_a_zombie_and_its_successor_receive_a_message_once(movable, definition):
    workers: list[Driver] = []
    taken: list[Claimed] = []

    def zombie_held():
        queue(definition, "first", "second")
        workers[:] = [Driver(movable, CODE), Driver(movable, CODE)]
        taken[:] = [claim(workers[0])]

    def taken_over():
        claims = take_over(*workers)
        then = Step.objects.count()
        for claimed in claims:
            workers[1].run(claimed)
        return claims, then

    for met in meetings(zombie_held, lambda: workers[0].run(taken[0]), taken_over):
        workers[1].recover()
        assert (row().status, row().output) == ("SUCCESS", 'json:"first"'), met.point
        assert talk.consumed() == ['json:"first"'], met.point
        (step,) = Step.objects.all()
        claims, recorded = met.there
        if claims and not recorded:
            assert step.claim > taken[0].claim, met.point


def test_a_zombie_tells_nothing_that_its_successor_tells(movable):
    workers: list[Driver] = []
    taken: list[Claimed] = []

    def zombie_held():
        queue(talk.publishing)
        talk.receiving.using(workflow_id="speaker", queue_name="none").start()
        workers[:] = [Driver(movable, CODE), Driver(movable, CODE)]
        taken[:] = [each for each in workers[0].claim() if each.id == "w"]

    def finished_by_other():
        for claimed in take_over(*workers):
            workers[1].run(claimed)

    for met in meetings(
        zombie_held, lambda: workers[0].run(taken[0]), finished_by_other
    ):
        workers[1].recover()
        assert row().status == "SUCCESS", met.point
        assert Notification.objects.count() == 1, met.point
        assert EventHistory.objects.count() == 2, met.point
        values = talk.entries()
        assert values[0] == 'json:"said"', met.point
        assert values.count('json:"said"') == 1, met.point
        assert set(values[1:]) == {'json:"inside"'}, met.point


def test_a_zombie_that_was_just_replaced_tells_nothing(movable):
    workers: list[Driver] = []
    taken: list[Claimed] = []

    def zombie_held():
        queue(talk.publishing)
        talk.receiving.using(workflow_id="speaker", queue_name="none").start()
        workers[:] = [Driver(movable, CODE), Driver(movable, CODE)]
        taken[:] = [each for each in workers[0].claim() if each.id == "w"]

    def taken_over():
        return take_over(*workers), talk.told()

    for met in meetings(zombie_held, lambda: workers[0].run(taken[0]), taken_over):
        claims, then = met.there
        assert not claims or talk.told() == then, met.point


# Cancellation.


@BOTH_WAYS
@RECEIVERS
def test_nothing_is_consumed_after_a_cancellation(driver, definition, is_reversed):
    taken: list[Claimed] = []

    def receiver_held():
        queue(definition, "first")
        taken[:] = [claim(driver)]

    def execute():
        driver.run(taken[0])

    for met in meetings(receiver_held, *_sides(execute, is_reversed)):
        stood = met.here if is_reversed else met.there
        if stood is None:
            assert (row().status, talk.consumed()) == ("SUCCESS", ['json:"first"'])
        else:
            assert row().status == "CANCELLED", met.point
            assert talk.told() == stood, met.point
            assert Step.objects.count() == len(talk.consumed()), met.point


@BOTH_WAYS
def test_nothing_is_told_after_a_cancellation(driver, is_reversed):
    taken: list[Claimed] = []

    def publisher_held():
        queue(talk.publishing)
        talk.receiving.using(workflow_id="speaker", queue_name="none").start()
        taken[:] = [each for each in driver.claim() if each.id == "w"]

    def execute():
        driver.run(taken[0])

    for met in meetings(publisher_held, *_sides(execute, is_reversed)):
        stood = met.here if is_reversed else met.there
        if stood is None:
            assert row().status == "SUCCESS", met.point
        else:
            assert row().status == "CANCELLED", met.point
            assert talk.told() == stood, met.point


def _sides(execute: Callable[[], None], is_reversed: bool) -> tuple[Any, Any]:
    def cancel() -> list[Any] | None:
        return talk.told() if Workflow.objects.cancel_one("w") else None

    return (cancel, execute) if is_reversed else (execute, cancel)


# Wake-ups (I6). Nobody sweeps here.


@BOTH_WAYS
@WAITERS
def test_news_between_the_look_and_the_suspension_wakes(
    driver, movable, definition, is_reversed
):
    other = Driver(movable, CODE)
    taken: dict[str, Claimed] = {}

    def both_held():
        clean()
        for pk, each in ("w", definition), ("speaker", talk.speaking):
            each.using(workflow_id=pk).start()
        taken.update({each.id: each for each in driver.claim()})

    def wait():
        driver.run(taken["w"])

    def speak():
        other.run(taken["speaker"])

    for met in meetings(both_held, *((speak, wait) if is_reversed else (wait, speak))):
        driver.work()
        assert (row().status, row().output) == ("SUCCESS", 'json:"said"'), met.point


@BOTH_WAYS
def test_a_message_from_outside_between_the_look_and_the_suspension_wakes(
    driver, is_reversed
):
    taken: list[Claimed] = []

    def receiver_held():
        queue(talk.receiving)
        taken[:] = [claim(driver)]

    def wait():
        driver.run(taken[0])

    def tell():
        send("said")

    for met in meetings(
        receiver_held, *((tell, wait) if is_reversed else (wait, tell))
    ):
        driver.work()
        assert (row().status, row().output) == ("SUCCESS", 'json:"said"'), met.point


def test_a_sender_in_an_open_transaction_holds_up_nobody_and_wakes_at_its_commit(
    driver,
):
    needs_row_locks()
    queue(talk.receiving)

    with transaction.atomic():
        send("slow")
        elsewhere(driver.work)
        assert elsewhere(row).status == "WAITING"

    driver.work()
    assert (row().status, row().output) == ("SUCCESS", 'json:"slow"')


def test_a_message_that_was_committed_first_is_received_first(driver):
    needs_row_locks()
    queue(talk.receiving)

    with transaction.atomic():
        send("slow")
        elsewhere(lambda: send("fast"))
        elsewhere(driver.work)

    assert row().output == 'json:"fast"'
    assert list(Notification.objects.filter(consumed_by=None)) != []


# Branches.


@pytest.mark.parametrize("messages", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_two_branches_that_receive_at_once_never_share_a_message(driver, messages):
    rows: list[Any] = []

    def receiver_held():
        queue(talk.receiving, *messages)
        held = talk.held(driver)
        rows[:] = [talk.at(held, 1, "1"), talk.at(held, 1, "2")]

    def receive(number: int) -> Any:
        return Notification.objects.receive(rows[number], "talk")

    for met in meetings(receiver_held, lambda: receive(0), lambda: receive(1)):
        found = [each.checkpoint.output for each in (met.here, met.there) if each]
        expected = [f'json:"{each}"' for each in messages[:2]]
        assert sorted(found) == expected, met.point
        assert talk.consumed() == expected, met.point
