"""A process without settings, with real workers beside it."""

import pytest

from django_durable.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_process_without_settings_starts_a_workflow_by_name(client, shop_worker):
    told = client.run(
        """
        with durable.DurableClient(URL) as client:
            handle = client.start_workflow("shop.double", 7, plus=1)
            result, pid = handle.get_result(timeout=20)
            tell(handle.created, result, pid, handle.get_status())
        """
    )

    assert told == [[True, 15, shop_worker.pid, "SUCCESS"]]


def test_every_option_of_a_start_is_stored(client, shop_worker):
    told = client.run(
        """
        from datetime import timedelta

        client = durable.DurableClient(URL)
        later = client.using(
            workflow_id="order-1",
            queue_name="slow",
            priority=7,
            run_after=timedelta(hours=1),
            attributes={"shop": "Hamburg"},
        )
        tell(*[later.start_workflow("shop.double", 1).created for _ in range(2)])
        with durable.SetWorkflowID("order-2"):
            tell(client.start_workflow("shop.double", 1).workflow_id)
        """
    )

    row = Workflow.objects.get(pk="order-1")
    assert told == [[True, False], ["order-2"]]
    assert (row.queue_name, row.priority) == ("slow", 7)
    assert row.attributes == {"shop": "Hamburg"}
    assert (row.run_after - row.created_at).total_seconds() == pytest.approx(3600, 1)


def test_without_a_worker_a_name_has_no_version_unless_one_is_given(client):
    told = client.run(
        """
        try:
            durable.DurableClient(URL).start_workflow("shop.double", 1)
        except Exception as error:
            tell(type(error).__name__, str(error))
        """
    )
    given = client.run(
        """
        client = durable.DurableClient(URL, settings={"APP_VERSION": "7"})
        tell(client.using(workflow_id="a").start_workflow("shop.double", 1).created)
        """
    )

    [[kind, message]] = told
    assert kind == "ImproperlyConfigured"
    assert "no live worker has it" in message
    assert given == [[True]]
    assert Workflow.objects.get(pk="a").version == "7"


def test_a_client_looks_up_cancels_and_resumes(client, shop_worker):
    told = client.run(
        """
        client = durable.DurableClient(URL)
        started = client.using(workflow_id="a").start_workflow("shop.nap", 600)
        tell(client.cancel_workflow("a", "changed my mind"))
        handle = client.retrieve_workflow("a")
        try:
            handle.get_result(timeout=20)
        except durable.WorkflowCancelled as error:
            tell(error.reason, handle.get_status())
        tell(client.cancel_workflow("a"), client.resume_workflow("a") == handle)
        try:
            handle.get_result(timeout=0.2)
        except durable.WaitTimeout:
            tell(handle.get_status() in ("ENQUEUED", "PENDING", "WAITING"))
        try:
            client.retrieve_workflow("b")
        except durable.WorkflowNotFound as error:
            tell(error.workflow_id)
        """
    )

    assert told == [
        [True],
        ["changed my mind", "CANCELLED"],
        [False, True],
        [True],
        ["b"],
    ]


def test_a_client_manages_schedules_that_it_has_no_code_for(client, shop_worker):
    told = client.run(
        """
        import asyncio
        from datetime import UTC, datetime

        leap = "shop.leap"
        years = [datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2026)]
        with durable.DurableClient(URL) as client:
            tell(client.pause_schedule(leap), client.resume_schedule(leap))
            tell(client.run_schedule(leap).get_result(timeout=20)[0])
            tell(*[each.created for each in client.backfill_schedule(leap, *years)])
            try:
                client.run_schedule("shop.leep")
            except durable.ScheduleNotFound as error:
                tell(error.name)

        async def main():
            async with durable.DurableClient(URL) as client:
                tell(await client.aresume_schedule(leap))
                tell(await client.apause_schedule(leap, "for good"))
                tell(await (await client.arun_schedule(leap)).aget_status() != "")
                tell(await client.abackfill_schedule(leap, *years))

        asyncio.run(main())
        """
    )

    assert told == [
        [True, True],
        [14],
        [True, True],
        ["shop.leep"],
        *([False], [True], [True], [[]]),
    ]


def test_an_error_comes_as_itself_where_its_class_is_known(client, shop_worker):
    told = client.run(
        """
        client = durable.DurableClient(URL)
        for is_known in (True, False):
            try:
                client.start_workflow("shop.decline", is_known).get_result(timeout=20)
            except ValueError as error:
                tell(str(error))
            except durable.WorkflowFailed as error:
                tell(error.error_type, error.error_message)
        """
    )

    assert told == [
        ["no funds"],
        ["tests.client.workflows:PaymentDeclined", "no funds"],
    ]


def test_client_and_workflow_talk_to_each_other(client, shop_worker):
    told = client.run(
        """
        client = durable.DurableClient(URL)
        handle = client.using(workflow_id="order-7").start_workflow("shop.checkout", 7)
        tell(client.get_event("order-7", "payment_url", timeout=20))
        for _ in range(2):
            client.send(handle, {"amount": 30}, "payment", idempotency_key="pay-7")
        reader = client.read_stream("order-7", "parcels", timeout=20)
        tell(*reader)
        tell(reader.closed, reader.offset)
        tell(handle.get_result(timeout=20), client.get_events("order-7")["status"])
        tell(client.get_event("order-7", "never", default="ended"))
        tell(*client.read_stream("order-7", "parcels", offset=2))
        """
    )

    parcels = [{"parcel": number} for number in range(3)]
    assert told == [
        ["https://pay.example/7"],
        parcels,
        [True, 3],
        [30, "packed"],
        ["ended"],
        parcels[2:],
    ]


def test_async_code_has_a_twin_of_every_call(client, shop_worker):
    told = client.run(
        """
        import asyncio

        async def main():
            async with durable.DurableClient(URL) as client:
                order = client.using(workflow_id="order-7")
                handle = await order.astart_workflow("shop.checkout", 7)
                tell(await client.aget_event("order-7", "payment_url", timeout=20))
                await client.asend(handle, {"amount": 30}, "payment")
                reader = client.aread_stream("order-7", "parcels", timeout=20)
                tell(*[parcel async for parcel in reader])
                tell(reader.closed, reader.offset)
                tell(await handle.aget_result(timeout=20), await handle.aget_status())
                tell((await client.aget_events("order-7"))["status"])
                tell(await client.acancel_workflow("order-7"))
                tell(await client.aretrieve_workflow("order-7") == handle)
                inbox = await client.astart_workflow("shop.inbox", 2)
                await client.asend_many(
                    [durable.Message(inbox.workflow_id, n) for n in (1, 2)]
                )
                tell(await inbox.aget_result(timeout=20))
                nap = await client.astart_workflow("shop.nap", 0)
                await client.acancel_workflow(nap.workflow_id)
                await nap.aget_status()

        asyncio.run(main())
        """
    )

    assert told == [
        ["https://pay.example/7"],
        [{"parcel": 0}, {"parcel": 1}, {"parcel": 2}],
        [True, 3],
        [30, "SUCCESS"],
        ["packed"],
        [False],
        [True],
        [[1, 2]],
    ]


def test_a_client_joins_the_transaction_of_its_process(client, shop_worker):
    told = client.run(
        """
        from django.db import transaction

        client = durable.DurableClient(URL)
        inbox = client.start_workflow("shop.inbox", 1)
        try:
            with transaction.atomic():
                client.using(workflow_id="a").start_workflow("shop.double", 1)
                client.send(inbox, "withdrawn")
                client.close()  # Leaves alone what a transaction lives on.
                raise LookupError
        except LookupError:
            client.send(inbox, "meant")
        tell(inbox.get_result(timeout=20))
        """
    )

    assert told == [[["meant"]]]
    assert not Workflow.objects.filter(pk="a").exists()


def test_the_process_keeps_its_own_logging_and_time_zone(client):
    told = client.run(
        """
        import logging, time

        handlers = list(logging.root.handlers)
        zone = time.tzname
        durable.DurableClient(URL)
        tell(logging.root.handlers == handlers, logging.getLogger("django").handlers)
        tell(time.tzname == zone, "TZ" in os.environ)
        """
    )

    assert told == [[True, []], [True, False]]
