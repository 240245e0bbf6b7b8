"""Races about events and streams, with a decided outcome."""

from typing import Any

import pytest
from django.db import transaction

from django_durable.models import Event, EventHistory, Step, Stream, StreamEntry
from tests import racing_talk as talk
from tests.crash.driver import Driver, MovableClock
from tests.interleaving import Elsewhere, meetings, needs_row_locks
from tests.racing_talk import CODE, publish, queue, took

pytestmark = pytest.mark.django_db(transaction=True)

BOTH_WAYS = pytest.mark.parametrize("is_reversed", [False, True])


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread."""
    return Driver(movable, CODE)


# Events that are set once.


def test_of_two_steps_that_set_an_event_at_once_one_is_refused(driver):
    rows: list[Any] = []

    def two_steps():
        queue(talk.receiving)
        held = talk.held(driver)
        rows[:] = [talk.setting(talk.at(held, n), f"step {n}") for n in (1, 2)]

    for met in meetings(two_steps, lambda: publish(rows[0]), lambda: publish(rows[1])):
        won = [took(met.here), took(met.there)]
        assert sorted(won) == [False, True], met.point
        value = f'json:"step {won.index(True) + 1}"'
        assert Event.objects.get().value == value, met.point
        assert EventHistory.objects.get().value == value, met.point


def test_an_event_whose_setting_is_not_committed_yet_is_not_set_again(driver):
    queue(talk.receiving)
    held = talk.held(driver)
    first, second = (talk.setting(talk.at(held, n), f"step {n}") for n in (1, 2))

    with transaction.atomic():
        assert took(publish(first))
        other = Elsewhere(lambda: publish(second))
        other.let_run()

    assert not took(other.result())
    assert Event.objects.get().value == 'json:"step 1"'


def test_an_event_that_appears_under_a_statement_is_not_set_again(driver):
    needs_row_locks()
    queue(talk.receiving)
    row = talk.in_body(talk.setting(talk.held(driver), "body"))
    theirs = {"workflow_id": "w", "key": "key", "value": 'json:"theirs"'}

    with transaction.atomic():
        Event.objects.create(**theirs, updated_at=talk.NOW)
        other = Elsewhere(lambda: publish(row))
        other.let_run()

    assert not took(other.result())
    assert Event.objects.get().value == theirs["value"]
    assert Step.objects.get().error is not None


# Streams.


@pytest.mark.parametrize("is_new", [True, False])
def test_two_steps_and_the_body_write_without_a_gap(driver, is_new):
    rows: list[Any] = []

    def two_steps():
        queue(talk.receiving)
        held = talk.held(driver)
        if not is_new:
            publish(talk.writing(talk.at(held, 9), "before"))
        inside = [talk.writing(talk.at(held, n), f"{n} a", f"{n} b") for n in (1, 2)]
        rows[:] = [*inside, talk.in_body(talk.writing(talk.at(held, 3), "body"))]

    def others():
        publish(rows[2])
        publish(rows[1])

    for met in meetings(two_steps, lambda: publish(rows[0]), others):
        values = talk.entries()
        assert sorted(values) == sorted(
            ["1 a", "1 b", "2 a", "2 b", "body", *([] if is_new else ["before"])]
        ), met.point
        assert values.index("1 b") == values.index("1 a") + 1, met.point
        assert values.index("2 b") == values.index("2 a") + 1, met.point


@BOTH_WAYS
@pytest.mark.parametrize("by_body", [False, True])
@pytest.mark.parametrize("is_new", [True, False])
def test_what_a_close_meets_is_written_before_it_or_refused(
    driver, is_new, by_body, is_reversed
):
    rows: list[Any] = []

    def writer_and_closer():
        queue(talk.receiving)
        held = talk.held(driver)
        if not is_new:
            publish(talk.writing(talk.at(held, 9), "before"))
        write = talk.writing(talk.at(held, 1), "late")
        close = talk.writing(talk.at(held, 2), closes=True)
        rows[:] = [talk.in_body(write) if by_body else write, close]

    def write():
        return publish(rows[0])

    def close():
        assert took(publish(rows[1]))
        return talk.entries()

    sides = (close, write) if is_reversed else (write, close)
    for met in meetings(writer_and_closer, *sides):
        written, then = (met.there, met.here) if is_reversed else (met.here, met.there)
        assert Stream.objects.get().is_closed, met.point
        assert talk.entries() == then, met.point
        assert ("late" in then) is took(written), met.point


@pytest.mark.parametrize("by_body", [False, True])
def test_a_stream_whose_end_is_not_committed_yet_takes_nothing_more(driver, by_body):
    queue(talk.receiving)
    held = talk.held(driver)
    write = talk.writing(held, "late")
    row = talk.in_body(write) if by_body else write
    close = talk.writing(talk.at(held, 2), closes=True)

    with transaction.atomic():
        publish(close)
        other = Elsewhere(lambda: publish(row))
        other.let_run()

    assert not took(other.result())
    assert StreamEntry.objects.count() == 0


def test_a_stream_that_ends_under_a_statement_takes_nothing_more(driver):
    needs_row_locks()
    queue(talk.receiving)
    row = talk.in_body(talk.writing(talk.held(driver), "late"))

    with transaction.atomic():
        Stream.objects.create(workflow_id="w", key="s", is_closed=True)
        other = Elsewhere(lambda: publish(row))
        other.let_run()

    assert not took(other.result())
    assert StreamEntry.objects.count() == 0
    assert Step.objects.get().error is not None
