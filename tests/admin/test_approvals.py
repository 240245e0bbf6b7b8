"""What a person is asked is answered once, by who may, and while it waits."""

from dataclasses import asdict, dataclass
from datetime import datetime
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

import django_durable as durable
from django_durable.admin.workflow import DurableWorkflowAdmin
from django_durable.models import Notification, Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.admin.pages import answer, hidden

pytestmark = pytest.mark.django_db

INBOX = reverse("admin:django_durable_approvals")


@dataclass(frozen=True)
class Verdict:
    approved: bool
    comment: str = ""
    by: str = ""
    at: datetime | None = None


@durable.workflow
def decides(**options):
    return asdict(durable.recv("verdict", schema=Verdict, human=True, **options))


@durable.workflow
def asks(topic="anything"):
    return durable.recv(topic, human=True)


@pytest.fixture
def decider(client, operator):
    """Log in somebody who may answer."""
    operator("view_workflow", "send_workflow_message")
    return client


def place_of(workflow_id, step=1, branch=""):
    address = reverse("admin:django_durable_workflow_answer", args=[workflow_id])
    return f"{address}?branch={branch}&step={step}"


def waiting(definition=decides, **arguments):
    handle = definition.using(workflow_id="asks").start(**arguments)
    run_until_idle()
    return handle


def test_an_answer_by_the_schema_of_the_workflow_lets_it_go_on(decider):
    handle = waiting()
    page = decider.get(place_of("asks"))

    given = answer(message_approved="yes", message_comment="<ok>", reason="cheap")
    done = decider.post(place_of("asks"), {**hidden(page.text), **given}, follow=True)
    run_until_idle()

    assert "message_by" not in page.text
    assert done.redirect_chain[-1][0] == INBOX
    found = handle.get_result()
    assert found.pop("at").tzinfo is not None
    assert found == {"approved": True, "comment": "<ok>", "by": "ana"}
    (entry,) = LogEntry.objects.filter(object_id="asks")
    assert "cheap" in entry.change_message


def test_the_inbox_leads_to_the_form_and_forgets_what_was_answered(decider):
    waiting()
    inbox = unescape(decider.get(INBOX).text)

    decider.post(place_of("asks"), answer(message_approved="no"))

    assert place_of("asks") in inbox
    assert place_of("asks") not in unescape(decider.get(INBOX).text)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"answer": "yes"}, True),
        ({"answer": "no"}, False),
        ({"answer": "json", "message": '{"amount": [1, 2]}'}, {"amount": [1, 2]}),
    ],
)
def test_without_a_schema_the_answer_is_yes_no_or_json(decider, given, value):
    handle = waiting(asks)

    decider.post(place_of("asks"), answer(**given))
    run_until_idle()

    assert handle.get_result() == value


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"answer": "perhaps"},
        {"answer": "json"},
        {"answer": "json", "message": "{"},
        {"answer": "json", "message": "[" * 5000},
    ],
)
def test_an_answer_that_does_not_fit_is_sent_back_with_the_reason(decider, given):
    waiting(asks)

    found = decider.post(place_of("asks"), answer(**given))

    assert found.status_code == 200
    assert "errorlist" in found.text
    assert not Notification.objects.exists()


def test_nothing_is_decided_by_a_form_that_was_not_filled_in(decider):
    waiting()

    found = decider.post(place_of("asks"), answer())

    assert "errorlist" in found.text
    assert not Notification.objects.exists()


def test_an_answer_that_is_sent_twice_counts_once(decider):
    handle = waiting()
    fields = answer(message_approved="yes")

    decider.post(place_of("asks"), fields)
    again = decider.post(place_of("asks"), fields, follow=True)
    run_until_idle()
    late = decider.post(place_of("asks"), answer(message_approved="no"), follow=True)

    assert "no longer waiting" in again.text
    assert "no longer waiting" in late.text
    assert Notification.objects.count() == 1
    assert handle.get_result()["approved"] is True


def test_two_people_who_answer_at_once_answer_once(decider, monkeypatch):
    waiting()
    other = Client()
    other.force_login(User.objects.create_superuser("eve"))
    ask = DurableWorkflowAdmin.has_topic_permission

    def meanwhile(self, request, obj, topic):
        monkeypatch.setattr(DurableWorkflowAdmin, "has_topic_permission", ask)
        other.post(place_of("asks"), answer(message_approved="no"))
        return True

    monkeypatch.setattr(DurableWorkflowAdmin, "has_topic_permission", meanwhile)
    late = decider.post(place_of("asks"), answer(message_approved="yes"), follow=True)

    assert "no longer waiting" in late.text
    assert Notification.objects.count() == 1


def test_after_the_deadline_nothing_is_sent(decider):
    with virtual_time() as time:
        waiting(timeout=60)
        page = decider.get(place_of("asks")).text
        time.advance(61)
        late = decider.post(
            place_of("asks"), answer(message_approved="yes"), follow=True
        )

    assert "Its time is up in" in page
    assert "no longer waiting" in late.text
    assert not Notification.objects.exists()


def test_a_cancelled_workflow_is_not_waiting(decider):
    waiting()
    Workflow.objects.cancel_one("asks")

    found = decider.get(place_of("asks"), follow=True)

    assert "no longer waiting" in found.text


def test_who_may_not_decide_about_a_topic_is_refused(decider, monkeypatch):
    waiting()

    def has_topic_permission(self, request, obj, topic):
        return topic != "verdict"

    monkeypatch.setattr(
        DurableWorkflowAdmin, "has_topic_permission", has_topic_permission
    )
    send = reverse("admin:django_durable_workflow_send", args=["asks"])

    assert decider.get(place_of("asks")).status_code == 403
    assert decider.post(place_of("asks"), answer()).status_code == 403
    assert decider.post(send, answer(topic="verdict")).status_code == 403
    assert place_of("asks") not in unescape(decider.get(INBOX).text)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("permission", ["view_workflow", "send_workflow_message"])
def test_one_of_the_two_permissions_is_not_enough(client, operator, permission):
    operator(permission)
    waiting()

    assert client.get(place_of("asks")).status_code == 403
    assert client.post(place_of("asks"), answer()).status_code == 403


def test_an_answer_from_another_site_is_refused(decider):
    waiting()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="ana"))

    assert strict.post(place_of("asks"), answer()).status_code == 403
    assert not Notification.objects.exists()


@pytest.mark.parametrize("place", ["", "?step=x", "?step=99", "?branch=%00&step=1"])
def test_a_place_where_nobody_is_asked_is_no_error(decider, place):
    waiting()
    address = reverse("admin:django_durable_workflow_answer", args=["asks"])
    found = decider.get(address + place)

    assert found.status_code in (200, 302)
    assert decider.get(address.replace("asks", "nobody")).status_code == 404
