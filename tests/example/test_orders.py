"""The pages of the example shop: what they promise."""

from datetime import timedelta

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Workflow
from example_project.orders import views
from example_project.orders.models import Order
from example_project.orders.progress import progress_of
from tests.example.conftest import BASKET

pytestmark = pytest.mark.django_db


def place(client, **changes):
    form = {"customer": "Ada", "payment": "good", **BASKET, **changes}
    return client.post("/orders/", form)


def test_placing_an_order_starts_its_workflow_and_leads_to_its_page(client):
    response = place(client)

    order = Order.objects.get()
    workflow = Workflow.objects.for_subject(order).get()
    assert response.status_code == 302
    assert response.url == f"/orders/{order.pk}/"
    assert workflow.pk == f"order-{order.pk}"
    assert workflow.status == Workflow.Status.ENQUEUED


def test_an_order_that_is_rolled_back_leaves_no_workflow(client):
    with transaction.atomic():
        response = place(client)
        transaction.set_rollback(True)

    assert response.status_code == 302
    assert not Order.objects.exists()
    assert not Workflow.objects.exists()


def test_an_order_is_not_stored_when_its_workflow_cannot_be_started(
    client, monkeypatch
):
    class Refusing:
        def using(self, **options):
            raise durable.WorkflowConflict("order-1", "one", "another")

    monkeypatch.setattr(views, "fulfil_order", Refusing())

    with pytest.raises(durable.WorkflowConflict):
        place(client)

    assert not Order.objects.exists()


def test_an_empty_basket_is_refused(client):
    response = place(client, kettle=0, tea=0)

    assert response.status_code == 400
    assert "The basket is empty." in response.content.decode()
    assert not Order.objects.exists()


def test_a_script_gets_its_errors_as_json(client):
    response = client.post(
        "/orders/", {"customer": ""}, headers={"accept": "application/json"}
    )

    assert response.status_code == 400
    assert "customer" in response.json()["errors"]


def test_the_page_of_a_new_order_looks_again_by_itself(client):
    place(client)

    page = client.get(Order.objects.get().get_absolute_url()).content.decode()

    assert '<meta http-equiv="refresh"' in page
    assert "waiting for a worker" in page


def test_the_page_of_a_delivered_order_shows_its_steps_and_stays(client, shop):
    order = shop.fulfil()

    page = client.get(order.get_absolute_url()).content.decode()

    assert "charge_customer" in page
    assert order.tracking in page
    assert "http-equiv" not in page


def test_the_page_shows_where_to_follow_the_parcel_once_that_is_published(client, shop):
    order = shop.place()
    before = client.get(order.get_absolute_url()).content.decode()

    shop.judge(order)

    after = client.get(order.get_absolute_url()).content.decode()
    link = f'href="https://carrier.example/parcels/{order.tracking}"'
    assert "carrier.example" not in before
    assert link in after


def test_a_script_reads_the_same_progress_as_json(client, shop):
    order = shop.fulfil()

    headers = {"accept": "application/json"}
    progress = client.get(order.get_absolute_url(), headers=headers).json()

    assert progress["status"] == "delivered"
    assert progress["workflow"] == {"id": order.workflow_id, "status": "SUCCESS"}
    assert progress["events"].keys() == {"tracking_url"}
    numbers = [step["number"] for step in progress["steps"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "recv(fraud_check)" in {step["name"] for step in progress["steps"]}
    assert all(call["answer"] for call in progress["calls"])


def test_the_calls_of_another_order_are_not_shown(shop):
    first = shop.fulfil()
    Order.objects.bulk_create([Order(pk=first.pk * 10 + 1, customer="Grace")])

    assert progress_of(Order.objects.get(customer="Grace")).calls == []


def test_the_home_page_lists_the_orders(client, shop):
    shop.fulfil()

    page = client.get("/").content.decode()

    assert "Order tea" in page
    assert "delivered" in page


def test_in_development_a_person_plays_the_services_that_report_back(
    client, shop, settings
):
    settings.DEBUG = True
    order = shop.place()
    address = f"{order.get_absolute_url()}play/"

    page = client.get(order.get_absolute_url()).content.decode()
    for answer in ["Fraud check: all is well", "Carrier: delivered"]:
        client.post(address, {"answer": answer})
        shop.seen(order)

    assert "Fraud check: all is well" in page
    assert order.status == Order.Status.DELIVERED


def test_what_does_not_fit_the_status_cannot_be_played(client, shop, settings):
    settings.DEBUG = True
    order = shop.place()

    response = client.post(
        f"{order.get_absolute_url()}play/", {"answer": "Carrier: delivered"}
    )

    assert response.status_code == 404


def test_in_production_nobody_plays_the_services(client, shop):
    order = shop.place()

    page = client.get(order.get_absolute_url()).content.decode()
    response = client.post(
        f"{order.get_absolute_url()}play/", {"answer": "Fraud check: all is well"}
    )
    shop.durable.advance(timedelta(minutes=1))

    assert "Fraud check:" not in page
    assert response.status_code == 404
    assert shop.seen(order).status == Order.Status.RESERVED
