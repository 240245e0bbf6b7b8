"""How to use workflows from another process: the page, in such a process."""

import pytest

from django_durable.models import Workflow
from tests.client.conftest import client_url
from tests.docs.pages import blocks

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "how-to/use-from-another-process.md"


def page():
    """Return the programs of the page, with the names of the tests' workflows."""
    code = "\n\n".join(block.code for block in blocks(PAGE, "python"))
    for name in ("checkout", "approve"):
        assert f"shop.workflows.{name}" in code
    return code.replace("shop.workflows.", "shop.")


def test_the_calls_of_the_page_reach_a_worker(client, shop_worker):
    told = client.run(
        page()
        + """
tell(place_order(7), place_order(7))
confirm_payment(URL, 7, {"id": "pay-1", "amount": 30})
confirm_payment(URL, 7, {"id": "pay-1", "amount": 30})
tell(*follow_parcels(URL, 7))
tell(wait_for(URL, 7))
""",
        DATABASE_URL=client_url(),
    )

    url = "https://pay.example/7"
    assert told == [[url, url], [0, 1, 2], [30]]
    assert Workflow.objects.count() == 1


@pytest.mark.once
def test_the_async_code_of_the_page_reaches_a_worker(client, shop_worker):
    told = client.run(
        page()
        + """
import asyncio

tell(asyncio.run(ask_for_approval(URL, 1)))
""",
    )

    assert told == [[{"approved": True}]]


@pytest.mark.once
def test_a_failure_is_told_as_the_page_says(client, shop_worker):
    told = client.run(
        page()
        + """
client = durable.DurableClient(URL)
client.using(workflow_id="order-1").start_workflow("shop.decline", False)
tell(wait_for(URL, 1))
"""
    )

    assert told == [["tests.client.workflows:PaymentDeclined: no funds"]]


@pytest.mark.once
def test_arguments_that_do_not_fit_end_the_workflow(client, shop_worker):
    told = client.run(
        """
        client = durable.DurableClient(URL)
        handle = client.start_workflow("shop.double", 1, 2, 3)
        try:
            handle.get_result(timeout=20)
        except TypeError:
            tell(handle.get_status())
        client.close()
        """
    )

    assert told == [["ERROR"]]
