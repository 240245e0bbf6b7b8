"""Whatever a workflow waits for, a cancellation wakes it at once."""

from importlib import import_module

import pytest
from django.test import override_settings

import django_durable as durable
from django_durable.execution import waiting
from tests.communication import workflows
from tests.running import wait_for_status, wait_until, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

hub_module = import_module("django_durable.wakeup.hub")
# Nobody suspends, and no heartbeat comes that would notice.
HOT = {"HOT_WAIT": 60.0, "ASYNC_HOT_WAIT": 60.0, "HEARTBEAT": 30.0, "LEASE": 100.0}
OTHER = "other"


async def aresult():
    handle = await durable.aretrieve_workflow(OTHER)
    return await handle.aget_result()


WAITS = {
    "recv": lambda: durable.recv("never"),
    "get_event": lambda: durable.get_event(OTHER, "never"),
    "read_stream": lambda: next(durable.read_stream(OTHER, "never")),
    "get_result": lambda: durable.retrieve_workflow(OTHER).get_result(),
    "first_of": lambda: durable.first_of(durable.on_message("never")),
    "sleep": lambda: durable.sleep(50),
}
AWAITS = {
    "arecv": lambda: durable.arecv("never"),
    "aget_event": lambda: durable.aget_event(OTHER, "never"),
    "aread_stream": lambda: anext(aiter(durable.aread_stream(OTHER, "never"))),
    "aget_result": aresult,
    "afirst_of": lambda: durable.afirst_of(durable.on_message("never")),
    "asleep": lambda: durable.asleep(50),
}


@durable.workflow
def waiter(kind):
    try:
        calls.append(kind)
        WAITS[kind]()
    finally:
        calls.append(f"{kind} is over")


@durable.workflow
async def awaiter(kind):
    try:
        calls.append(kind)
        await AWAITS[kind]()
    finally:
        calls.append(f"{kind} is over")


def test_a_cancellation_wakes_every_wait_at_once(monkeypatch):
    # Nor does anybody look without having been told to.
    monkeypatch.setattr(hub_module, "SLOW_LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(waiting, "TIMER_LOOK_SECONDS", 3600.0)
    kinds = {*WAITS, *AWAITS}
    with override_settings(DURABLE=HOT), worker(concurrency=len(WAITS) + 1):
        workflows.receiver.using(workflow_id=OTHER).start("end")
        handles = [waiter.start(kind) for kind in WAITS]
        handles += [awaiter.start(kind) for kind in AWAITS]
        wait_until(lambda: kinds <= set(calls), "all waiting")

        for handle in handles:
            durable.cancel_workflow(handle.workflow_id)

        over = {f"{kind} is over" for kind in kinds}
        wait_until(lambda: over <= set(calls), "all woken")
        durable.send(OTHER, "done", "end")
        wait_for_status(durable.retrieve_workflow(OTHER), "SUCCESS")
        assert {handle.get_status() for handle in handles} == {"CANCELLED"}
