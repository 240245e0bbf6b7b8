"""Failed tries are counted in the database; the last exception is raised as itself."""

import asyncio

import pytest

import django_durable as durable
from django_durable.models import Attempt, Step, Workflow
from tests.models import Entry
from tests.running import COLD, result_of, row_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)


class PaymentDeclined(Exception):
    """What a shop's own code raises and catches."""

    def __init__(self, amount, *, reason):
        super().__init__(f"{amount}: {reason}")
        self.amount = amount
        self.reason = reason


def decline(amount):
    calls.append(amount)
    raise PaymentDeclined(amount, reason="no money")


def recover(times):
    calls.append(times)
    if len(calls) < times:
        raise ConnectionError("not yet")
    return "paid"


async def arecover(times):
    return recover(times)


quick = {"max_attempts": 3, "interval": 0.01, "jitter": False}

charge_once = durable.step("charge once")(decline)
charge = durable.step("charge", **quick)(decline)
charge_atomically = durable.transaction("charge atomically", **quick)(decline)
# Long enough to leave memory in between, on a busy machine too.
slower = {**quick, "interval": 0.25}
charge_later = durable.step("charge later", **slower)(recover)
acharge_later = durable.step("charge later, async", **slower)(arecover)
charge_picky = durable.step("charge picky", retry_on=(OSError,), **quick)(decline)
charge_one_class = durable.step("one class", retry_on=OSError, **quick)(recover)


@durable.workflow
def pay(step_name, amount):
    steps = {each.name: each for each in (charge_once, charge, charge_atomically)}
    try:
        steps[step_name](amount)
    except PaymentDeclined as declined:
        durable.sleep(0.1)
        return [declined.amount, declined.reason, getattr(declined, "__notes__", [])]


@durable.workflow
def pay_later(times):
    return charge_later(times)


@durable.workflow
async def apay_later(times):
    return await acharge_later(times)


@durable.workflow
def pay_or_fail(amount):
    charge(amount)


@durable.workflow
def pay_picky(amount):
    charge_picky(amount)


@durable.workflow
def pay_one_class(times):
    return charge_one_class(times)


@durable.transaction("enter twice", **quick)
def enter(key):
    calls.append(key)
    Entry.objects.create(key=key)
    if len(calls) < 2:
        raise ValueError("once more")


@durable.workflow
def enter_at_last(key):
    enter(key)


@durable.step(timeout=0.01, max_attempts=2, interval=0)
async def hang(seconds):
    calls.append(durable.current().step_attempt)
    if durable.current().step_attempt == 1:
        await asyncio.sleep(seconds)
    return "in time"


@durable.step(timeout=0.01)
async def hang_once(seconds):
    await asyncio.sleep(seconds)


@durable.workflow
async def be_patient(seconds):
    return await hang(seconds)


@durable.workflow
async def be_impatient(seconds):
    try:
        await hang_once(seconds)
    except TimeoutError as error:
        await durable.asleep(0.1)
        return type(error).__name__


@pytest.mark.parametrize(
    ("step", "tries"), [(charge_once, 1), (charge, 3), (charge_atomically, 3)]
)
def test_an_exception_is_caught_as_itself_with_and_without_retries(
    settings, step, tries
):
    settings.DURABLE = COLD

    with worker():
        amount, reason, notes = result_of(pay.start(step.name, 5))

    assert calls == [5] * tries
    assert (amount, reason) == (5, "no money")
    assert len(notes) == (tries > 1)
    if notes:
        assert "attempt 3 of 3" in notes[0]
        assert step.name in notes[0]


@pytest.mark.parametrize("definition", [pay_later, apay_later])
@pytest.mark.parametrize("hot_wait", [0, 5])
def test_a_step_is_tried_until_it_succeeds(settings, definition, hot_wait):
    settings.DURABLE = {"HOT_WAIT": hot_wait, "ASYNC_HOT_WAIT": hot_wait}

    with worker():
        handle = definition.start(3)
        assert result_of(handle) == "paid"

    assert calls == [3, 3, 3]
    assert [row.attempt for row in Attempt.objects.order_by("attempt")] == [1, 2]
    assert Step.objects.get().error is None
    assert (row_of(handle).claim > 1) == (hot_wait == 0)


def test_the_last_exception_is_the_workflows_when_nobody_catches_it():
    with worker():
        handle = pay_or_fail.start(5)
        with pytest.raises(PaymentDeclined, match="no money") as caught:
            result_of(handle)

    assert caught.value.amount == 5
    assert "attempt 3 of 3" in caught.value.__notes__[0]
    assert row_of(handle).status == Workflow.Status.ERROR
    assert Attempt.objects.count() == 2


def test_what_is_not_in_retry_on_is_not_tried_again():
    with worker(), pytest.raises(PaymentDeclined) as caught:
        result_of(pay_picky.start(5))

    assert calls == [5]
    assert "attempt 1 of 3" in caught.value.__notes__[0]


def test_retry_on_takes_a_class_and_catches_its_subclasses():
    with worker():
        assert result_of(pay_one_class.start(2)) == "paid"

    assert calls == [2, 2]


def test_a_failed_try_of_a_transaction_leaves_nothing():
    with worker():
        result_of(enter_at_last.start("a"))

    assert calls == ["a", "a"]
    assert Entry.objects.count() == 1


def test_an_async_step_gets_its_timeout_anew_for_each_attempt():
    with worker():
        assert result_of(be_patient.start(60)) == "in time"

    assert calls == [1, 2]
    assert Attempt.objects.get().error.count("TimeoutError") >= 1


def test_a_timeout_is_a_timeout_error_at_replay_too(settings):
    settings.DURABLE = COLD

    with worker():
        handle = be_impatient.start(60)
        assert result_of(handle) == "TimeoutError"

    assert row_of(handle).claim == 2


def test_direct_calls_retry_too():
    assert pay_later(3) == "paid"

    assert calls == [3, 3, 3]


def test_attempts_and_backoff_grow_as_they_were_asked_to():
    policy = durable.step(
        max_attempts=5, interval=1, backoff=3, max_interval=10, jitter=False
    )(decline).retries

    assert [policy.delay_seconds(n) for n in (1, 2, 3, 4)] == [1, 3, 9, 10]


def test_jitter_keeps_at_least_half_of_the_delay():
    policy = durable.step(max_attempts=5, interval=8)(decline).retries

    delays = {policy.delay_seconds(1) for _ in range(100)}

    assert len(delays) > 1
    assert all(4 <= delay <= 8 for delay in delays)


def test_backoff_beyond_the_range_of_floats_is_the_longest_delay():
    policy = durable.step(max_attempts=1000, backoff=10, jitter=False)(decline).retries

    assert policy.delay_seconds(999) == 3600
