"""From the list and the page of a workflow to the form that answers it."""

from html import unescape

import pytest
from django.urls import reverse

import django_durable as durable
from django_durable import clock
from django_durable.models import Wait
from django_durable.testing import run_until_idle, virtual_time
from tests.admin.pages import LIST, page
from tests.admin.test_figures import asks, waits

pytestmark = pytest.mark.django_db


@durable.workflow
def asks_between():
    return durable.first_of(
        durable.on_timer(60),
        durable.on_message("other"),
        durable.on_message("verdict", human=True),
    )


@pytest.fixture
def answering(client, operator):
    """Return the addresses of forms that the list and a page offer."""
    operator("view_workflow")

    def links(pk):
        operator("send_workflow_message")
        texts = [unescape(client.get(each).text) for each in (LIST, page(pk))]
        form = reverse("admin:django_durable_workflow_answer", args=[pk])
        return [form in text and "Approve…" in text for text in texts]

    return links


@pytest.mark.parametrize("asking", [asks, asks_between])
def test_who_may_answer_finds_the_form_where_the_workflow_is(client, answering, asking):
    asking.using(workflow_id="asks").start()
    run_until_idle()
    assert "Approve…" not in client.get(LIST).text
    assert "Approve…" not in client.get(page("asks")).text

    assert answering("asks") == [True, True]

    wait = Wait.objects.get(is_human=True)
    address = reverse("admin:django_durable_workflow_answer", args=["asks"])
    answer = client.get(f"{address}?branch={wait.branch}&step={wait.step_id}")
    assert answer.status_code == 200


@pytest.mark.once
def test_a_message_that_no_person_sends_has_no_form(answering):
    waits.using(workflow_id="waits").start()
    run_until_idle()

    assert answering("waits") == [False, False]


@pytest.mark.once
def test_a_question_whose_time_is_up_has_no_form_on_its_page(client, answering):
    asks.using(workflow_id="asks").start(timeout=60)
    run_until_idle()
    Wait.objects.update(wake_at=clock.now())

    with virtual_time() as time:
        time.advance(1)
        assert answering("asks")[1] is False


@pytest.mark.once
def test_not_even_the_link_is_for_topics_of_others(client, answering, monkeypatch):
    asks.using(workflow_id="asks").start()
    run_until_idle()
    monkeypatch.setattr(
        "django_durable.admin.permissions.ActionPermissions.has_topic_permission",
        lambda self, request, obj, topic: topic != "verdict",
    )

    assert answering("asks") == [False, False]
