"""Messages, events and entries whose answer from the database got lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connections

import django_durable as durable
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Step,
    StreamEntry,
    Workflow,
    faults,
)
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock, OneThreadHost
from tests.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE = "django_durable_notification"
EVENT = "django_durable_eventhistory"
ENTRY = "django_durable_streamentry"
STREAM = "django_durable_stream"
STEP = "django_durable_step"


@durable.workflow
def sends(destination: str) -> str:
    durable.send(destination, "sent", "talk")
    return "done"


@durable.workflow
def sends_many(destination: str) -> str:
    durable.send_many(durable.Message(destination, n, "talk") for n in (1, 2))
    return "done"


@durable.workflow
def receives() -> Any:
    return durable.recv("talk")


@durable.workflow
async def areceives() -> Any:
    return await durable.arecv("talk")


@durable.workflow
def races() -> Any:
    _, value = durable.first_of(durable.on_message("talk"), durable.on_timer(3600))
    return value


@durable.workflow
def sets() -> str:
    durable.set_event("key", 1, overwrite=False)
    return "done"


@durable.workflow
def writes() -> str:
    durable.write_stream("s", 1)
    return "done"


@durable.workflow
def closes() -> str:
    durable.close_stream("s")
    return "done"


@durable.step
def set_inside() -> str:
    durable.set_event("key", 1, overwrite=False)
    return "done"


@durable.step
def write_inside() -> str:
    durable.write_stream("s", 1)
    durable.write_stream("s", 2)
    durable.close_stream("s")
    return "done"


@durable.transaction
def book() -> str:
    Entry.objects.create(key="booked")
    durable.set_event("key", 1)
    durable.write_stream("s", 1)
    durable.send(durable.workflow_id(), "sent", "talk")
    return "done"


@durable.workflow
def sets_inside() -> str:
    return set_inside()


@durable.workflow
def writes_inside() -> str:
    return write_inside()


@durable.workflow
def books() -> str:
    return book()


@pytest.fixture
def driver(movable: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A worker of this thread that, as real ones do, outlives the database."""

    def writer(using: str, is_closing: Callable[[], bool]) -> CheckpointWriter:
        return CheckpointWriter(using, lambda: False)

    def query(self: OneThreadHost, work: Callable[[], Any]) -> Any:
        return faults.retry_patiently(USING, work, give_up=lambda: False)

    async def aquery(self: OneThreadHost, work: Callable[[], Any]) -> Any:
        return await self.in_thread(lambda: self.query(work))

    monkeypatch.setattr(faults, "pause_seconds", lambda tries: 0.0)
    monkeypatch.setattr(OneThreadHost, "query", query)
    monkeypatch.setattr(OneThreadHost, "aquery", aquery)
    monkeypatch.setattr("tests.crash.driver.CheckpointWriter", writer)
    return Driver(movable, __name__)


@contextmanager
def answer_lost(table: str, *, arrives: bool = True) -> Iterator[None]:
    """Cut the connection at the first write to a table, once that is committed.

    Or before it is, unless the COMMIT ``arrives``.
    """
    own: Any = connections[USING]
    lost: list[str] = []

    def cut() -> None:
        own.connection.close()
        raise OperationalError("server closed the connection unexpectedly")

    def commit() -> None:
        commit_it = type(own)._commit
        del own.__dict__["_commit"]
        if arrives:
            commit_it(own)
        cut()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        is_write = not sql.lstrip().startswith("SELECT")
        if lost or not is_write or f'"{table}"' not in sql:
            return execute(sql, *rest)
        lost.append(sql)
        if own.in_atomic_block:
            own.__dict__["_commit"] = commit
            return execute(sql, *rest)
        if arrives:
            execute(sql, *rest)
        return cut()

    with own.execute_wrapper(watch):
        yield
    assert lost, "nothing was lost"


ARRIVES = pytest.mark.parametrize("arrives", [True, False])


def run(driver: Driver, definition: Any, *args: Any) -> Any:
    """Start a workflow and work until nothing is left to do; return its result."""
    handle = definition.using(workflow_id="w").start(*args)
    driver.settle()
    assert handle.get_status() == "SUCCESS", Workflow.objects.get(pk="w").error
    return handle.get_result()


def send(*messages: Any) -> None:
    for message in messages:
        durable.send("w", message, "talk")


def unread() -> list[str]:
    rows = Notification.objects.filter(consumed_by=None).order_by("id")
    return list(rows.values_list("message", flat=True))


@ARRIVES
def test_a_message_is_sent_once(driver, arrives):
    receives.using(workflow_id="other").start()
    driver.work()

    with answer_lost(MESSAGE, arrives=arrives):
        assert run(driver, sends, "other") == "done"

    assert Notification.objects.count() == 1
    assert durable.retrieve_workflow("other").get_result() == "sent"
    assert driver.woken_late == 0


@ARRIVES
def test_messages_sent_together_are_sent_once(driver, arrives):
    receives.using(workflow_id="other").start()

    with answer_lost(MESSAGE, arrives=arrives):
        assert run(driver, sends_many, "other") == "done"

    assert list(unread()) == ["json:2"]


@ARRIVES
@pytest.mark.parametrize("definition", [receives, areceives, races])
@pytest.mark.parametrize("others", [[], ["second"]])
def test_a_message_is_received_once_and_no_second_one_is_waited_for(
    driver, definition, others, arrives
):
    definition.using(workflow_id="w").start()
    send("first", *others)

    with answer_lost(MESSAGE, arrives=arrives):
        driver.settle()

    row = Workflow.objects.get()
    assert (row.status, row.output) == ("SUCCESS", 'json:"first"')
    assert Step.objects.count() == 1
    assert unread() == [f'json:"{other}"' for other in others]


@ARRIVES
@pytest.mark.parametrize("definition", [sets, sets_inside])
def test_an_event_that_may_be_set_once_is_set(driver, definition, arrives):
    with answer_lost(EVENT, arrives=arrives):
        assert run(driver, definition) == "done"

    assert Event.objects.get().value == EventHistory.objects.get().value == "json:1"


@ARRIVES
def test_an_entry_of_the_body_is_written_once(driver, arrives):
    with answer_lost(ENTRY, arrives=arrives):
        assert run(driver, writes) == "done"

    assert list(StreamEntry.objects.values_list("offset", "value")) == [(0, "json:1")]


@ARRIVES
def test_a_stream_is_closed(driver, arrives):
    with answer_lost(STREAM, arrives=arrives):
        assert run(driver, closes) == "done"

    stream = durable.read_stream("w", "s")
    assert (list(stream), stream.closed) == ([], True)


@ARRIVES
@pytest.mark.parametrize("table", [ENTRY, STREAM])
def test_a_step_writes_at_least_once_and_does_not_meet_its_own_end(
    driver, table, arrives
):
    with answer_lost(table, arrives=arrives):
        assert run(driver, writes_inside) == "done"

    stream = durable.read_stream("w", "s")
    assert list(dict.fromkeys(stream)) == [1, 2]
    assert stream.closed
    offsets = StreamEntry.objects.order_by("offset").values_list("offset", flat=True)
    assert list(offsets) == list(range(stream.offset))


@ARRIVES
def test_a_transaction_publishes_once(driver, arrives):
    with answer_lost(STEP, arrives=arrives):
        assert run(driver, books) == "done"

    for model in (Entry, Event, StreamEntry, Notification, Step):
        assert model.objects.count() == 1, model


@ARRIVES
def test_a_client_that_sends_again_under_its_key_has_sent_once(driver, arrives):
    receives.using(workflow_id="w").start()

    def ask():
        durable.send("w", "asked", "talk", idempotency_key="request-1")

    with answer_lost(MESSAGE, arrives=arrives), pytest.raises(OperationalError):
        ask()
    connections[USING].close()
    ask()
    driver.settle()

    assert durable.retrieve_workflow("w").get_result() == "asked"
    assert Notification.objects.count() == 1
    assert Workflow.objects.get().status == "SUCCESS"
