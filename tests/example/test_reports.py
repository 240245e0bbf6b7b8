"""Reports: a stream of lines, and the page that shows them as they come."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync

import django_durable
from django_durable.definitions import schedules
from django_durable.models import Workflow
from django_durable.testing import virtual_time
from example_project.orders.models import Order, OrderItem
from example_project.reports.workflows import write_sales_report

pytestmark = pytest.mark.django_db

LINES = [
    "Sales of the teahouse",
    "Copper kettle: 1 for 79.00 €",
    "Stoneware teapot: 0 for 0.00 €",
    "First flush, 100 g: 2 for 25.80 €",
    "Customer: Ada",
    "Customer: Grace",
    "Total: 104.80 €",
]


@pytest.fixture
def sales(db):
    """Sell a kettle and two bags of tea, to two customers."""
    for customer, sku, price, quantity in [
        ("Grace", "kettle", "79.00", 1),
        ("Ada", "tea", "12.90", 2),
    ]:
        order = Order.objects.create(customer=customer)
        OrderItem.objects.create(
            order=order, sku=sku, title=sku, price=price, quantity=quantity
        )


def lines_of(handle):
    return list(django_durable.read_stream(handle, "lines"))


def test_a_report_is_a_stream_of_lines(sales, durable):
    handle = write_sales_report.start()

    durable.run_until_idle()

    reader = django_durable.read_stream(handle, "lines")
    assert list(reader) == LINES
    assert reader.closed
    assert handle.get_result() == "104.80"


def test_a_report_is_written_each_morning(client, sales, own_schedules):
    schedules._schedules.update(own_schedules)
    start = datetime(2026, 11, 27, 12, tzinfo=UTC)

    with virtual_time(start, schedules=["morning-report"]) as time:
        time.run_for(days=2)
        page = client.get("/reports/").text

    first, second = Workflow.objects.for_schedule("morning-report").order_by("pk")
    assert (first.pk, second.status) == (
        "morning-report@2026-11-28T05:00:00Z",
        "SUCCESS",
    )
    assert "by itself: 2026-11-30 06:00 CET." in page


def test_the_page_shows_every_line_of_a_report_that_is_written(client, sales, durable):
    address = client.post("/reports/start/").url
    durable.run_until_idle()

    page = b"".join(client.get(address).streaming_content).decode()

    assert [line for line in LINES if f"<li>{line}</li>" not in page] == []
    assert page.rstrip().endswith("</html>")


def test_an_asynchronous_server_streams_the_page_too(
    client, async_client, sales, durable
):
    address = client.post("/reports/start/").url
    durable.run_until_idle()

    async def read():
        response = await async_client.get(address)
        return b"".join([part async for part in response.streaming_content]).decode()

    page = async_to_sync(read)()

    assert [line for line in LINES if f"<li>{line}</li>" not in page] == []
    assert page.rstrip().endswith("</html>")


def test_the_lines_of_a_page_are_escaped(client, durable):
    Order.objects.create(customer="<b>Ada</b>")
    address = client.post("/reports/start/").url
    durable.run_until_idle()

    page = b"".join(client.get(address).streaming_content).decode()

    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>Ada" not in page


def test_a_report_that_fails_ends_its_page_with_what_there_was(client, sales, durable):
    address = client.post("/reports/start/").url
    with durable.fail_step("count_sales", RuntimeError("no paper"), times=1):
        durable.run_until_idle()

    page = b"".join(client.get(address).streaming_content).decode()

    assert "<li>Sales of the teahouse</li>" in page
    assert "Total" not in page
    assert page.rstrip().endswith("</html>")


def test_only_reports_are_shown(client):
    unknown = "/reports/01890000-0000-7000-8000-000000000000/"

    assert client.get(unknown).status_code == 404


def test_the_reports_are_listed(client):
    address = client.post("/reports/start/").url

    page = client.get("/reports/").content.decode()

    assert f'href="{address}"' in page
    assert Workflow.objects.count() == 1
