"""How to start a workflow from a view."""

import asyncio
import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import RequestFactory, override_settings

import django_durable as durable
from django_durable import clock
from django_durable.models import Workflow
from example_project.orders.models import Order
from tests.running import result_of, worker

PAGE = "how-to/start-from-a-view.md"


@pytest.fixture
def request_of_ada():
    return RequestFactory().post("/orders/", {"customer": "Ada"})


@pytest.mark.django_db
def test_the_view_stores_an_order_with_its_workflow(page, request_of_ada):
    response = page.place_order(request_of_ada)

    order = Order.objects.get()
    assert response.status_code == 202
    assert json.loads(response.content) == {"workflow": f"order-{order.pk}"}
    assert Workflow.objects.for_subject(order).get().status == "ENQUEUED"


@pytest.mark.django_db
def test_a_view_that_is_rolled_back_leaves_nothing(page, request_of_ada):
    with transaction.atomic():
        page.place_order(request_of_ada)
        transaction.set_rollback(True)

    assert not Order.objects.exists()
    assert not Workflow.objects.exists()


@pytest.mark.django_db
def test_a_call_under_a_known_id_repeats_nothing(page):
    order = Order.objects.create(customer="Ada")

    page.fulfil_now(order.pk)
    page.fulfil_now(order.pk)

    assert Workflow.objects.get().pk == f"order-{order.pk}"


@pytest.mark.django_db
def test_every_option_of_the_page_is_stored(page):
    order = Order.objects.create(customer="Ada")

    handle = page.fulfil_later(order)

    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.queue_name, row.priority) == ("warehouse", 10)
    assert row.attributes == {"shop": "Hamburg"}
    assert row.run_after > clock.now() + timedelta(minutes=29)
    assert json.loads(page.order_status(None, order.pk).content) == {
        "order": "placed",
        "workflow": "ENQUEUED",
    }


@pytest.mark.django_db(transaction=True)
def test_a_view_that_waits_gets_the_result_of_a_worker(page):
    order = Order.objects.create(customer="Ada")

    with worker():
        response = page.fulfil_and_wait(None, order.pk)

    assert json.loads(response.content) == {"result": None}
    order.refresh_from_db()
    assert order.status == "paid"


@pytest.mark.django_db
def test_waiting_in_the_transaction_of_the_start_is_refused(page):
    with pytest.raises(durable.WaitImpossible):
        page.fulfil_and_wait(None, 1)


@pytest.mark.django_db(transaction=True)
def test_an_async_view_starts_a_workflow_too(page):
    response = asyncio.run(page.place_order_async(None, 1))

    assert json.loads(response.content)["workflow"] == Workflow.objects.get().pk


@pytest.mark.django_db
@override_settings(DURABLE={"APP_VERSION": "7"})
def test_a_start_by_name_takes_the_version_of_the_application(page):
    handle = page.start_by_name(1)

    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.name, row.version) == ("shop.workflows.fulfil_order", "7")


@pytest.mark.django_db(transaction=True)
def test_a_start_by_name_takes_the_version_that_all_live_workers_have(page):
    with worker():
        name = "page_start_from_a_view.fulfil_order"
        handle = durable.start_workflow(name, 1)

        assert result_of(handle) is None
    assert connection.in_atomic_block is False
