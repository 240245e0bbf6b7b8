"""What type checkers know of the public names. Checked by mypy, never executed."""

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, assert_type
from uuid import UUID

import django_durable as durable
from django_durable import testing
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.step import StepDefinition
from django_durable.definitions.workflow import WorkflowDefinition


@durable.step
def charge(customer_id: int, amount: Decimal) -> str:
    return f"{customer_id}: {amount}"


@durable.step(max_attempts=5, retry_on=(OSError,), interval=timedelta(seconds=1))
def charge_patiently(customer_id: int) -> str:
    return str(customer_id)


@durable.step(timeout=5)
async def fetch(url: str) -> bytes:
    return url.encode()


@durable.transaction
def mark_paid(order_id: int) -> None: ...


@durable.workflow
def checkout(order_id: int, *, gift: bool = False) -> Decimal:
    assert_type(charge(order_id, Decimal(1)), str)
    assert_type(charge_patiently(order_id), str)
    assert_type(durable.now(), datetime)
    assert_type(durable.uuid4(), UUID)
    assert_type(durable.random(), float)
    assert_type(durable.run_step(len, "abc"), int)
    assert_type(durable.gather(charge_patiently.bind(1)), list[Any])
    durable.sleep(timedelta(days=1))
    durable.sleep_until(durable.now())
    charge(order_id)  # type: ignore[call-arg]
    charge("1", Decimal(1))  # type: ignore[arg-type]
    charge_patiently.bind("1")  # type: ignore[arg-type]
    return Decimal(1)


@durable.workflow(
    "shop.acheckout",
    queue_name="slow",
    timeout=60,
    version="1",
    redact=("card.*",),
    admin=True,
)
async def acheckout(order_id: int) -> Decimal:
    assert_type(await fetch("https://example.com"), bytes)
    assert_type(await fetch.acall("https://example.com"), bytes)
    assert_type(await charge.acall(order_id, Decimal(1)), str)
    assert_type(await checkout.acall(order_id), Decimal)
    assert_type(await durable.anow(), datetime)
    assert_type(await durable.auuid4(), UUID)
    assert_type(await durable.arandom(), float)
    assert_type(await durable.arun_step(len, "abc"), Any)
    await durable.asleep(1)
    await durable.asleep_until(await durable.anow())
    durable.logger.info("Order %s", order_id)
    return Decimal(2)


@dataclass
class Payment:
    amount: int


@durable.workflow
def talks() -> None:
    durable.send("a", {"paid": True}, "payment", idempotency_key="event-1")
    durable.send_many([durable.Message("a", 1), durable.Message("b", 2, "topic")])
    assert_type(durable.recv(), Any)
    assert_type(durable.recv("payment", timeout=timedelta(days=1), default=None), Any)
    assert_type(durable.recv("payment", schema=Payment), Payment)
    assert_type(durable.recv("payment", schema=Payment, human=True), Payment)
    durable.set_event("url", "/pay", overwrite=False)
    assert_type(durable.get_event("a", "url", timeout=5, default=None), Any)
    assert_type(durable.get_events("a"), dict[str, Any])
    durable.write_stream("log", 1, flush=True)
    durable.close_stream("log")
    stream = durable.read_stream("a", "log", offset=5, timeout=60)
    assert_type(stream.closed, bool)
    assert_type(stream.offset, int)
    assert_type(next(stream), Any)
    message = durable.on_message("topic", human=True)
    won, _value = durable.first_of(
        message,
        durable.on_event("a", "key"),
        durable.on_result(checkout.start(1)),
        durable.on_timer(timedelta(hours=1)),
    )
    assert_type(won is message, bool)
    durable.recv(schema=5)  # type: ignore[call-overload]


@durable.workflow
async def atalks() -> None:
    await durable.asend("a", 1)
    await durable.asend_many([durable.Message("a", 1)])
    assert_type(await durable.arecv(schema=Payment), Payment)
    await durable.aset_event("url", "/pay")
    await durable.aset_summary("Order 1042, paid")
    assert_type(await durable.aget_event("a", "url"), Any)
    assert_type(await durable.aget_events("a"), dict[str, Any])
    await durable.awrite_stream("log", 1)
    await durable.aclose_stream("log")
    async for value in durable.aread_stream("a", "log"):
        assert_type(value, Any)
    await durable.afirst_of(durable.on_message())


def definitions() -> None:
    _step: StepDefinition[..., str, str] = charge_patiently
    _async: StepDefinition[..., Coroutine[Any, Any, bytes], bytes] = fetch
    _transaction: StepDefinition[..., None, None] = mark_paid
    _workflow: WorkflowDefinition[..., Decimal, Decimal] = checkout
    _wrong: StepDefinition[..., int, int] = charge_patiently  # type: ignore[assignment]
    assert_type(charge_patiently.bind(1), BoundCall[str])
    assert_type(checkout.bind(1, gift=True), BoundCall[Decimal])
    assert_type(charge_patiently.name, str)


def starts() -> None:
    handle = checkout.start(1, gift=True)
    assert_type(handle, durable.WorkflowHandle[Decimal])
    assert_type(handle.get_result(timeout=5), Decimal)
    assert_type(handle.get_status(), str)
    assert_type(handle.workflow_id, str)
    assert_type(handle.created, bool | None)
    assert_type(checkout(1), Decimal)
    assert_type(acheckout.start(1), durable.WorkflowHandle[Decimal])
    using = checkout.using(priority=5, run_after=timedelta(hours=1), timeout=60)
    assert_type(using.start(1), durable.WorkflowHandle[Decimal])
    assert_type(durable.start_workflow(checkout, 1), durable.WorkflowHandle[Decimal])
    assert_type(durable.retrieve_workflow("a"), durable.WorkflowHandle[Any])
    checkout.start("1")  # type: ignore[arg-type]
    checkout.start(1, gfit=True)  # type: ignore[call-arg]
    with durable.SetWorkflowID("order-1"):
        checkout.start(2)


async def starts_in_async_code() -> None:
    handle = await checkout.astart(1)
    assert_type(handle, durable.WorkflowHandle[Decimal])
    assert_type(await handle.aget_result(), Decimal)
    assert_type(await handle.aget_status(), str)
    assert_type(await acheckout(1), Decimal)
    assert_type(
        await durable.astart_workflow(acheckout, 1), durable.WorkflowHandle[Decimal]
    )
    await checkout.astart()  # type: ignore[call-arg]


def patches() -> None:
    assert_type(durable.patch("a"), bool)
    durable.deprecate_patch("a")
    durable.patch(1)  # type: ignore[arg-type]


async def apatches() -> None:
    assert_type(await durable.apatch("a"), bool)
    await durable.adeprecate_patch("a")


def management() -> None:
    assert_type(durable.cancel_workflow("a", reason="b"), bool)
    assert_type(durable.resume_workflow("a"), durable.WorkflowHandle[Any])
    durable.resume_workflow("a", queue_name="slow")
    assert_type(durable.restart_workflow("a"), durable.WorkflowHandle[Any])
    fork = durable.fork_workflow("a", 2, branch="1", new_workflow_id="b")
    assert_type(fork, durable.WorkflowHandle[Any])
    assert_type(durable.delete_workflow("a"), int)
    assert_type(durable.pause_queue("a", reason="b"), bool)
    assert_type(durable.resume_queue("a"), bool)
    assert_type(durable.limit_queue("a", concurrency=2, rate=5, period=60), bool)
    month = timedelta(days=30)
    assert_type(durable.prune_workflows(older_than=month, statuses=["ERROR"]), int)
    assert_type(durable.workflow_id(), str | None)
    durable.set_summary("Order 1042, paid")
    assert_type(durable.current(), durable.Context | None)
    if (context := durable.current()) is not None:
        assert_type(context.step_attempt, int | None)
        assert_type(context.deadline, datetime | None)


@durable.schedule("0 3 * * *", args=[1], time_zone="Europe/Berlin", catch_up="none")
@durable.workflow
def nightly(order_id: int) -> Decimal:
    return Decimal(order_id)


def schedules() -> None:
    assert_type(nightly.start(1), durable.WorkflowHandle[Decimal])
    durable.schedule("@daily", name="acheckout", overlap="allow")(acheckout)
    durable.schedule("@daily")(len)  # type: ignore[type-var]
    assert_type(durable.pause_schedule("a", reason="b"), bool)
    assert_type(durable.resume_schedule("a"), bool)
    assert_type(durable.run_schedule("a"), durable.WorkflowHandle[Any])
    days = datetime(2026, 11, 1), datetime(2026, 11, 2)
    handles = durable.backfill_schedule("a", *days)
    assert_type(handles, list[durable.WorkflowHandle[Any]])
    with durable.DurableClient("sqlite:////db") as client:
        assert_type(client.pause_schedule("a", "b"), bool)
        assert_type(client.resume_schedule("a"), bool)
        assert_type(client.run_schedule("a"), durable.WorkflowHandle[Any])
        client.backfill_schedule("a", *days)
    assert_type(durable.InvalidSchedule("61", "minute", "b").field, str)
    assert_type(durable.ScheduleNotFound("a").name, str)


async def schedules_in_async_code() -> None:
    assert_type(await durable.apause_schedule("a", "b"), bool)
    assert_type(await durable.aresume_schedule("a"), bool)
    assert_type(await durable.arun_schedule("a"), durable.WorkflowHandle[Any])
    now = datetime(2026, 11, 1)
    handles = await durable.abackfill_schedule("a", now, now)
    assert_type(handles, list[durable.WorkflowHandle[Any]])


async def management_in_async_code() -> None:
    assert_type(await durable.acancel_workflow("a"), bool)
    assert_type(await durable.aresume_workflow("a"), durable.WorkflowHandle[Any])
    await durable.aresume_workflow("a", queue_name="slow")
    assert_type(await durable.aretrieve_workflow("a"), durable.WorkflowHandle[Any])
    assert_type(await durable.arestart_workflow("a"), durable.WorkflowHandle[Any])
    assert_type(await durable.afork_workflow("a", 2), durable.WorkflowHandle[Any])
    assert_type(await durable.adelete_workflow("a"), int)
    assert_type(await durable.apause_queue("a", "b"), bool)
    assert_type(await durable.aresume_queue("a"), bool)
    assert_type(await durable.alimit_queue("a", rate=5, period=timedelta(1)), bool)
    assert_type(await durable.aprune_workflows(older_than=60, limit=5), int)


def clients() -> None:
    with durable.DurableClient("sqlite:////db", settings={"LEASE": 5}) as client:
        assert_type(client, durable.DurableClient)
        assert_type(client.using(workflow_id="a"), durable.DurableClient)
        assert_type(client.start_workflow("a", 1), durable.WorkflowHandle[Any])
        assert_type(client.start_workflow(checkout, 1), durable.WorkflowHandle[Decimal])
        assert_type(client.retrieve_workflow("a"), durable.WorkflowHandle[Any])
        assert_type(client.cancel_workflow("a", "b"), bool)
        assert_type(client.resume_workflow("a"), durable.WorkflowHandle[Any])
        client.resume_workflow("a", queue_name="slow")
        assert_type(client.restart_workflow("a"), durable.WorkflowHandle[Any])
        assert_type(client.fork_workflow("a", 2), durable.WorkflowHandle[Any])
        assert_type(client.delete_workflow("a"), int)
        assert_type(client.pause_queue("a", "b"), bool)
        assert_type(client.resume_queue("a"), bool)
        assert_type(client.limit_queue("a", concurrency=2), bool)
        assert_type(client.prune_workflows(older_than=60), int)
        assert_type(client.get_event("a", "b", timeout=timedelta(1)), Any)
        assert_type(client.get_events("a"), dict[str, Any])
        client.send("a", 1, "topic", idempotency_key="b")
        client.read_stream("a", "b", offset=1, timeout=5).closed  # noqa: B018


def tokens(handle: durable.WorkflowHandle[int], user: object) -> None:
    assert_type(durable.stream_token(handle, "a"), str)
    assert_type(durable.stream_token("a", "b", timedelta(hours=1), user=user), str)
    assert_type(durable.stream_token("a", "b", max_age=60), str)


async def clients_in_async_code() -> None:
    async with durable.DurableClient("sqlite:////db") as client:
        assert_type(client, durable.DurableClient)
        handle = await client.astart_workflow(acheckout, 1)
        assert_type(handle, durable.WorkflowHandle[Decimal])
        assert_type(await client.acancel_workflow("a"), bool)
        assert_type(await client.afork_workflow("a", 2), durable.WorkflowHandle[Any])
        assert_type(await client.adelete_workflow("a"), int)
        assert_type(await client.apause_queue("a"), bool)
        assert_type(await client.aresume_queue("a"), bool)
        assert_type(await client.alimit_queue("a"), bool)
        await client.asend(handle, 1)
        assert_type(await client.aget_events(handle), dict[str, Any])
        async for _ in client.aread_stream(handle, "b"):
            pass


@durable.register_type
@dataclass(frozen=True)
class Line:
    sku: str


def types() -> None:
    assert_type(Line("tea").sku, str)


def workers() -> None:
    with durable.Worker(queues=["a"], concurrency=4) as worker:
        assert_type(worker, durable.Worker)


def testing_tools() -> None:
    with testing.virtual_time(datetime.now()) as time:
        assert_type(time, testing.VirtualTime)
        assert_type(time.advance(days=1), datetime)
        assert_type(time.advance(timedelta(hours=1), minutes=5), datetime)
        assert_type(time.run_for(60), int)
    with (
        testing.virtual_time(schedules=["nightly"]),
        testing.virtual_time(schedules=True),
    ):
        pass
    assert_type(testing.run_until_idle(limit=5), int)
    with testing.fail_step("charge", ValueError, times=2):
        testing.assert_steps("order-1", ["charge", checkout])
    assert_type(testing.crash_everywhere(testing_tools), int)
    testing.run_until_idle(5)  # type: ignore[call-arg]


async def testing_tools_in_async_code() -> None:
    assert_type(await testing.arun_until_idle(), int)
