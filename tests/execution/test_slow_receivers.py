"""On an event loop only receivers that are known to be quick are called."""

import asyncio
import threading

import pytest

import django_durable as durable
from django_durable import receivers, signals
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.running import row_of, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

SIGNALS = (signals.workflow_started, signals.step_finished, signals.workflow_finished)
UID = "tests.quick"


@durable.step
async def step():
    return 1


@durable.workflow
async def asynchronous():
    return await step()


@pytest.fixture
def disconnected():
    """Disconnect what a test has connected."""
    connected = []
    yield connected
    for signal in SIGNALS:
        signal.disconnect(dispatch_uid=UID)
        for receiver in connected:
            signal.disconnect(receiver)


def place():
    """Tell where this is called: on an event loop, or where one may wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "thread"
    return "loop"


def in_a_worker():
    handle = asynchronous.start()
    with worker():
        wait_until(lambda: row_of(handle).is_finished)


def until_idle():
    asynchronous.start()
    run_until_idle()


@pytest.mark.parametrize("way", [in_a_worker, until_idle], ids=lambda way: way.__name__)
def test_a_receiver_that_asks_the_database_is_called_in_a_thread(way, disconnected):
    heard = []

    def ask(**facts):
        heard.append((place(), Workflow.objects.count()))

    disconnected.append(ask)
    for signal in SIGNALS:
        signal.connect(ask)

    way()

    wait_until(lambda: len(heard) == len(SIGNALS), "all that was to be told")
    assert heard == [("thread", 1)] * len(SIGNALS)


@pytest.mark.once
def test_a_slow_receiver_takes_no_thread_that_the_engine_needs(disconnected):
    heard = []

    def note(**facts):
        heard.append(threading.current_thread().name)

    disconnected.append(note)
    signals.step_finished.connect(note)

    in_a_worker()

    assert [name.startswith("durable-helper") for name in heard] == [True]


@pytest.mark.once
def test_a_receiver_that_is_quick_is_called_on_the_loop(disconnected):
    heard = []

    def note(**facts):
        heard.append(place())

    for signal in SIGNALS:
        signals.connect_quick(signal, note, UID)

    until_idle()

    assert heard == ["loop"] * len(SIGNALS)


@pytest.mark.once
def test_a_quick_receiver_that_is_gone_stands_for_no_other(disconnected):
    signals.connect_quick(signals.step_finished, workflows.calls.append, UID)
    assert not signals.may_wait(signals.step_finished)

    signals.step_finished.disconnect(dispatch_uid=UID)
    signals.step_finished.connect(place)
    disconnected.append(place)

    assert signals.may_wait(signals.step_finished)


@pytest.mark.once
def test_the_receivers_of_the_package_are_quick():
    heard = {signal for signal, _ in receivers._RECEIVERS} & {*SIGNALS}

    assert heard
    assert not any(signals.may_wait(signal) for signal in heard)
