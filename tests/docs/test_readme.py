"""The code of the README does what it says."""

import pytest
from django.test import override_settings

import django_durable as durable
from example_project.orders.models import Order
from tests.docs.pages import blocks
from tests.running import result_of, steps_of, worker

PAGE = "../README.md"


@pytest.mark.django_db(transaction=True)
@override_settings(DURABLE={"HOT_WAIT": 0})
def test_the_code_of_the_readme_sleeps_charges_and_marks(bank, import_page):
    order = Order.objects.create(pk=7, customer="Ada")
    page = import_page(PAGE, replacing=("sleep(3600)", "sleep(0.2)"))
    handle = durable.retrieve_workflow("order-7")  # Its last line has started it.

    with worker():
        result_of(handle)
    again = page.fulfil_order.using(workflow_id="order-7").start(7)

    order.refresh_from_db()
    assert again.created is False
    assert (order.status, order.charge) == ("paid", "CHG for 7")
    assert bank.asked == ["order-7/2"]
    names = [name for _, _, name in steps_of(handle)]
    assert names == ["sleep", "charge_customer", "mark_paid"]


def test_the_readme_stays_short():
    code = "".join(block.code for block in blocks(PAGE, "python"))

    lines = [line for line in code.splitlines() if line and "import" not in line]

    assert len(lines) <= 14
