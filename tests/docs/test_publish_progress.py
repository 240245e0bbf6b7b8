"""How to publish progress."""

import asyncio
import json

import pytest
from django.db import connection
from django.http import Http404

import django_durable
from django_durable.models import Workflow
from tests.running import result_of, worker

PAGE = "how-to/publish-progress.md"

LINES = ["Sales of 2026", *(f"Month {n}: {100 + n}" for n in range(1, 13))]


def content_of(response):
    return json.loads(response.content)


@pytest.mark.django_db
def test_a_page_shows_the_latest_value(page, durable):
    handle = page.checkout.using(workflow_id="checkout-1").start(1)
    before = content_of(page.show_checkout(None, 1))

    durable.run_until_idle()
    waiting = content_of(page.show_checkout(None, 1))
    django_durable.send(handle, "cash", "payment")
    durable.run_until_idle()

    assert before == {"stage": "begins"}
    assert waiting == {"stage": "waits for the payment"}
    assert content_of(page.show_checkout(None, 1)) == {"stage": "paid"}


@pytest.mark.django_db
def test_a_page_of_an_unknown_workflow_is_not_found(page):
    with pytest.raises(Http404):
        page.show_checkout(None, 404)
    with pytest.raises(Http404):
        page.read_report(None, "report-404")


@pytest.mark.django_db(transaction=True)
def test_a_view_waits_for_the_value_that_a_worker_publishes(page):
    with worker():
        response = page.pay(None, 7)

    assert response.status_code == 302
    assert response.url == "https://pay.example/7"


@pytest.mark.django_db
def test_a_view_does_not_wait_for_a_workflow_that_was_cancelled(page):
    page.checkout.using(workflow_id="checkout-7").start(7)
    django_durable.cancel_workflow("checkout-7")

    assert page.pay(None, 7).status_code == 503


@pytest.mark.django_db
def test_waiting_in_the_transaction_of_the_start_is_refused(page):
    assert connection.in_atomic_block

    with pytest.raises(django_durable.WaitImpossible):
        page.pay(None, 7)


@pytest.mark.django_db
def test_a_report_is_read_from_the_beginning_or_from_an_offset(page, durable):
    handle = page.write_report.start(2026)
    durable.run_until_idle()

    response = page.read_report(None, handle.workflow_id)
    rest = page.read_new_lines(handle.workflow_id, 11)

    text = b"".join(response.streaming_content).decode()
    assert text.splitlines() == LINES
    assert rest == {"lines": LINES[11:], "offset": 13, "is_complete": True}
    assert handle.get_result() == sum(100 + n for n in range(1, 13))


@pytest.mark.django_db
def test_a_stream_of_a_step_ends_with_its_workflow(page, durable):
    handle = page.tell.start("once upon a time")
    durable.run_until_idle()

    reader = django_durable.read_stream(handle, "words")

    assert list(reader) == ["once", "upon", "a", "time"]
    assert reader.closed is False


@pytest.mark.django_db(transaction=True)
def test_a_report_is_read_while_a_worker_writes_it(page):
    handle = page.write_report.start(2026)

    with worker():
        response = page.read_report(None, handle.workflow_id)
        text = b"".join(response.streaming_content).decode()
        result_of(handle)

    assert text.splitlines() == LINES


@pytest.mark.django_db(transaction=True)
def test_an_async_view_reads_the_same(page):
    handle = page.write_report.start(2026)

    async def read():
        response = await page.read_report_async(None, handle.workflow_id)
        return [part async for part in response.streaming_content]

    with worker():
        text = b"".join(asyncio.run(read())).decode()
        result_of(handle)

    assert text.splitlines() == LINES


@pytest.mark.django_db
@pytest.mark.once
def test_a_list_shows_how_many_parcels_are_packed(page):
    with django_durable.SetWorkflowID("packing"):
        page.pack(["a", "b"])

    summary = Workflow.objects.get(pk="packing").summary
    assert summary == "2 of 2 parcels packed"
